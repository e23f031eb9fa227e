//! Before a run: which backend, and the step compiled there.

use crate::{
    context::{Context, backend_of, explain, model_key, unavailable},
    device,
    train::KEPT,
};
use engine::{
    EngineError,
    datasets::Dataset,
    platform::sleep,
    training::{Trainer, Where, measure_step},
};
use planner::experiment::{BackendChoice, Experiment};
use protocol::{BackendKind, JobId, WorkerError};
use std::rc::Rc;

/// A run that can start.
pub struct Prepared {
    /// The run.
    pub trainer: Trainer,
    /// Where it runs.
    pub place: Where,
    /// Why there.
    pub reason: String,
}

/// Chooses the backend and compiles the step. A GPU that fails meanwhile is asked once more, anew; then the CPU runs
/// it, and the reason says so.
pub async fn prepare(
    context: &Rc<Context>,
    job: JobId,
    experiment: &Experiment,
    dataset: &Rc<Dataset>,
) -> Result<Prepared, WorkerError> {
    let (mut place, mut reason) = choose(context, job, experiment, dataset).await?;
    for attempt in 0.. {
        if context.is_cancelled(job) {
            return Err(explain(&EngineError::Cancelled, KEPT));
        }
        context.progress(job, "Compiling the training step", None);
        let made = Trainer::new(experiment.clone(), Rc::clone(dataset), &place).await;
        let error = match made {
            Ok(trainer) => return Ok(Prepared { trainer, place, reason }),
            Err(error) => error,
        };
        if !error.is_of_device() || backend_of(&place) == BackendKind::Cpu {
            return Err(explain(&error, KEPT));
        }
        (place, reason) = instead(context, &place, &error, attempt == 0).await;
    }
    Err(explain(&EngineError::Cancelled, KEPT))
}

/// Where to go on after the GPU failed: on a new device the first time, else on the CPU.
pub async fn instead(
    context: &Context,
    place: &Where,
    error: &EngineError,
    is_first: bool,
) -> (Where, String) {
    if let Where::Gpu { device, .. } = place {
        // What went wrong on it may go wrong again: it is given up.
        device.device.destroy();
    }
    if is_first {
        // The browser needs a moment to bring the GPU process back.
        for pause in [0.05, 0.3, 0.8] {
            sleep(pause).await;
            if let Ok(gpu) = device::acquire(context).await {
                let place = Where::Gpu { device: Rc::clone(&gpu.device), kernels: gpu.kernels };
                return (place, format!("The GPU runs it, at the second attempt; at the first: {error}."));
            }
        }
    }
    (Where::Cpu, format!("The CPU runs it: the GPU failed while the step was made ready ({error})."))
}

/// The backend of the visitor's choice, or whichever runs this very step faster.
async fn choose(
    context: &Rc<Context>,
    job: JobId,
    experiment: &Experiment,
    dataset: &Rc<Dataset>,
) -> Result<(Where, String), WorkerError> {
    if experiment.backend == BackendChoice::Cpu {
        return Ok((Where::Cpu, "You chose the CPU.".into()));
    }
    context.progress(job, "Looking for a GPU", None);
    let gpu = match device::acquire(context).await {
        Ok(gpu) => Where::Gpu { device: Rc::clone(&gpu.device), kernels: gpu.kernels },
        Err(reason) => return Ok((Where::Cpu, format!("The CPU runs it: {}.", unavailable(&reason)))),
    };
    if experiment.backend == BackendChoice::Gpu {
        return Ok((gpu, "You chose the GPU.".into()));
    }
    let key = model_key(experiment);
    let known = context.faster.borrow().get(&key).cloned();
    if let Some((backend, reason)) = known {
        return Ok((context.place(backend), reason));
    }
    context.progress(job, "Timing one step on the CPU and on the GPU", None);
    let on_cpu =
        measure_step(experiment, dataset, &Where::Cpu, None).await.map_err(|error| explain(&error, KEPT))?;
    let Ok(on_gpu) = measure_step(experiment, dataset, &gpu, Some(on_cpu)).await else {
        return Ok((Where::Cpu, "The CPU runs it: the GPU failed when this step was tried on it.".into()));
    };
    let backend = if on_gpu < on_cpu { BackendKind::Gpu } else { BackendKind::Cpu };
    let reason = format!(
        "Measured here, one step takes {:.1} ms on the GPU and {:.1} ms on the CPU: the {} runs it.",
        on_gpu * 1e3,
        on_cpu * 1e3,
        device::name(backend)
    );
    context.faster.borrow_mut().insert(key, (backend, reason.clone()));
    Ok((context.place(backend), reason))
}
