//! Where a run works: the visitor's choice, or whichever backend measures faster; a new device after a loss.

use super::{
    Flags, Trouble,
    data::Data,
    events::Event,
    keep::Keeper,
    run::trouble,
    settings::{Backend, Settings},
};
use crate::{
    context::{Context, Gpu, unavailable},
    device,
};
use engine::{
    EngineError,
    backends::gpu::TuneTable,
    models::Model,
    platform::now_seconds,
    training::{Session, Where},
};
use std::rc::Rc;

/// A step that is this much slower on one backend is not measured again.
const HOPELESS: f64 = 8.0;
/// Below this, one round trip to a GPU takes longer than the whole step on the CPU.
const ROUND_TRIP_SECONDS: f64 = 1e-3;

/// A place and why it was chosen.
pub type Choice = (Where, String);

/// "cpu" or "gpu".
pub const fn name(place: &Where) -> &'static str {
    match place {
        Where::Cpu => "cpu",
        Where::Gpu { .. } => "gpu",
    }
}

/// A GPU as a place.
pub fn on(gpu: &Gpu) -> Where {
    Where::Gpu { device: Rc::clone(&gpu.device), kernels: gpu.kernels }
}

/// The adapter's name, for what was measured on it.
fn adapter(gpu: &Gpu) -> String {
    let info = &gpu.device.info;
    format!("{} {} {} {}", info.name, info.driver, info.driver_info, info.vendor)
}

/// A GPU with what earlier visits measured on it.
async fn acquire(context: &Context, flags: &Flags, keeper: &Keeper) -> Result<Gpu, String> {
    flags.post(&Event::Progress { what: "Looking for a GPU and asking its kernels known questions".into() });
    let gpu = device::acquire(context).await.map_err(|reason| unavailable(&reason).to_owned())?;
    if gpu.device.tuning() == TuneTable::default()
        && let Some(table) = keeper.tuning(&adapter(&gpu)).await
    {
        gpu.device.adopt_tuning(&table);
    }
    Ok(gpu)
}

/// Keeps what this visit measured.
pub async fn keep_tuning(context: &Context, keeper: &Keeper) {
    let gpu = context.gpu.borrow().clone();
    if let Some(gpu) = gpu {
        keeper.keep_tuning(&adapter(&gpu), &gpu.device.tuning()).await;
    }
}

/// Where a new run works.
pub async fn choose(
    context: &Context,
    flags: &Flags,
    keeper: &Keeper,
    (settings, model, data): (&Settings, &Model, &Data),
) -> Result<Choice, Trouble> {
    if settings.backend == Backend::Cpu {
        return Ok((Where::Cpu, "You chose the CPU.".into()));
    }
    let measured = if settings.backend == Backend::Auto {
        flags.post(&Event::Progress { what: "Timing one step on the CPU".into() });
        let seconds = step_seconds(settings, model, data, (&Where::Cpu, None)).await;
        let seconds = seconds.map_err(|error| trouble(&error, "Nothing was started."))?;
        if seconds < ROUND_TRIP_SECONDS {
            let reason = format!(
                "Measured here, one step takes {:.2} ms on the CPU, less than one round trip to a GPU: the CPU runs it.",
                seconds * 1e3
            );
            return Ok((Where::Cpu, reason));
        }
        Some(seconds)
    } else {
        None
    };
    let gpu = match acquire(context, flags, keeper).await {
        Ok(gpu) => on(&gpu),
        Err(reason) => return Ok((Where::Cpu, format!("The CPU runs it: {reason}."))),
    };
    let Some(on_cpu) = measured else { return Ok((gpu, "You chose the GPU.".into())) };
    flags.post(&Event::Progress { what: "Timing one step on the GPU".into() });
    let Ok(on_gpu) = step_seconds(settings, model, data, (&gpu, Some(on_cpu))).await else {
        return Ok((Where::Cpu, "The CPU runs it: the GPU failed when this step was tried on it.".into()));
    };
    let (place, winner) = if on_gpu < on_cpu { (gpu, "GPU") } else { (Where::Cpu, "CPU") };
    let reason = format!(
        "Measured here, one step takes {:.1} ms on the GPU and {:.1} ms on the CPU: the {winner} runs it.",
        on_gpu * 1e3,
        on_cpu * 1e3
    );
    Ok((place, reason))
}

/// Where a kept run goes on: on the backend that it ran on.
pub async fn choose_again(context: &Context, flags: &Flags, keeper: &Keeper, was_on_gpu: bool) -> Choice {
    if !was_on_gpu {
        return (Where::Cpu, "It ran on the CPU before.".into());
    }
    match acquire(context, flags, keeper).await {
        Ok(gpu) => (on(&gpu), "It ran on the GPU before.".into()),
        Err(reason) => {
            let reason = format!(
                "It ran on a GPU before; the CPU goes on, because {reason}. The last bits of its numbers will differ."
            );
            (Where::Cpu, reason)
        }
    }
}

/// Seconds of one step on a throw-away run: the best of a few after a first, which compiles. Where the first is already
/// many times slower than `rival` seconds, it is the answer.
async fn step_seconds(
    settings: &Settings,
    model: &Model,
    data: &Data,
    (place, rival): (&Where, Option<f64>),
) -> Result<f64, EngineError> {
    let examples = data
        .examples(model, settings.step.seed)
        .map_err(|error| EngineError::Shape { message: error.to_string() })?;
    let mut session = Session::new(model, settings.step, Rc::new(|_| 1e-5), examples, place).await?;
    let mut best = f64::INFINITY;
    for round in 0..4 {
        let begin = now_seconds();
        let done = session.advance(1 + round).await?.len().max(1);
        best = best.min((now_seconds() - begin) / done as f64);
        if rival.is_some_and(|rival| best > HOPELESS * rival) || now_seconds() - begin > 0.5 {
            break;
        }
    }
    Ok(best)
}
