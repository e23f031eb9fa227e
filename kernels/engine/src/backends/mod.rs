//! Backends run a plan: the GPU through WebGPU, or the CPU through SIMD kernels on one thread.
//!
//! Both keep one arena; the host writes inputs and state into it, runs the plan's calls, and reads results back.

pub mod cpu;
pub mod gpu;

use crate::{
    EngineError,
    plan::{Plan, Span},
};
use std::{ops::Range, rc::Rc};

/// A plan with its memory on one backend.
#[derive(Debug)]
pub enum Executor {
    /// On the CPU.
    Cpu(Box<cpu::CpuExecutor>),
    /// On the GPU.
    Gpu(Box<gpu::GpuExecutor>),
}

impl Executor {
    /// On the CPU; the arena is zeroed.
    #[must_use]
    pub fn cpu(plan: Rc<Plan>) -> Self {
        Self::Cpu(Box::new(cpu::CpuExecutor::new(plan)))
    }

    /// On the GPU; the arena is zeroed, pipelines are compiled.
    ///
    /// # Errors
    /// Out of memory, a kernel that the browser refuses, or a lost device.
    pub async fn gpu(device: Rc<gpu::GpuDevice>, plan: Rc<Plan>) -> Result<Self, EngineError> {
        Ok(Self::Gpu(Box::new(gpu::GpuExecutor::new(device, plan).await?)))
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Rc<Plan> {
        match self {
            Self::Cpu(executor) => executor.plan(),
            Self::Gpu(executor) => executor.plan(),
        }
    }

    /// Writes words at the beginning of a span.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where there are more words than the span holds.
    pub fn write(&mut self, span: Span, words: &[u32]) -> Result<(), EngineError> {
        if words.len() > span.words {
            return Err(EngineError::Shape {
                message: format!("{} words into a span of {}", words.len(), span.words),
            });
        }
        match self {
            Self::Cpu(executor) => executor.write(span, words),
            Self::Gpu(executor) => executor.write(span, words),
        }
    }

    /// Runs all phases once. On the GPU they are queued; [`Self::read`] waits for them.
    ///
    /// # Errors
    /// A lost device, or an internal size error.
    pub async fn run(&mut self) -> Result<(), EngineError> {
        for phase in 0..self.plan().phases.len() {
            self.run_phase(phase).await?;
        }
        Ok(())
    }

    /// Runs one phase.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_phase(&mut self, phase: usize) -> Result<(), EngineError> {
        let calls = self.plan().phases.get(phase).cloned().unwrap_or_default();
        self.run_calls(calls).await
    }

    /// Runs some calls of the plan, so that the host can look at results before a phase is done.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_calls(&mut self, calls: Range<usize>) -> Result<(), EngineError> {
        if calls.is_empty() {
            return Ok(());
        }
        match self {
            Self::Cpu(executor) => executor.run(calls).await,
            Self::Gpu(executor) => executor.run(&calls),
        }
    }

    /// Runs one phase and measures each call, in seconds. On the GPU each call is awaited alone unless the device has
    /// timestamps.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn profile_phase(&mut self, phase: usize) -> Result<Vec<f64>, EngineError> {
        match self {
            Self::Cpu(executor) => executor.profile(phase).await,
            Self::Gpu(executor) => executor.profile(phase).await,
        }
    }

    /// Reads a span after everything queued before.
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn read(&mut self, span: Span) -> Result<Vec<u32>, EngineError> {
        match self {
            Self::Cpu(executor) => executor.read(span),
            Self::Gpu(executor) => executor.read(span).await,
        }
    }

    /// [`Self::read`], as f32.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_f32(&mut self, span: Span) -> Result<Vec<f32>, EngineError> {
        Ok(self.read(span).await?.into_iter().map(f32::from_bits).collect())
    }
}
