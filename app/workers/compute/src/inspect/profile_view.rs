//! The profile of a step: its kernels, its blocks, its slowest calls under the roofline, and a trace.

use super::{
    Request, backend,
    json::{self, Cell, Section},
    subject::Subject,
    with_tuning,
};
use engine::{
    EngineError, probe,
    profile::{self, CallProfile, Group, Roof, Roofs, StepProfile},
    training::Where,
};

/// The view's report, as text.
pub async fn report(request: &Request, subject: &Subject, place: &Where) -> Result<String, EngineError> {
    request.progress("Measuring this backend's rates");
    let calibration = profile::calibrate(place).await?;
    let rates = match place {
        Where::Cpu => probe::measure_cpu(&mut |_, _| {}).await?,
        Where::Gpu { device, kernels } => probe::measure_gpu(device, (*kernels, 1.0), &mut |_, _| {}).await?,
    };
    request.progress("Running and timing every kernel call");
    let mut session = subject.session(place).await?;
    let parts = subject.settings.gradient_accumulation_steps;
    let known = with_tuning(&calibration, place);
    let predicted = profile::predict(session.plan(), parts, &known).seconds;
    session.advance(2).await?;
    let measured = profile::profile_step(&mut session, 3).await?;
    let roofs = Roofs::of(&rates, session.plan().bytes() as f64);
    let trace = Section::new(
        "Trace",
        "For Perfetto (ui.perfetto.dev) or chrome://tracing: every call of one step in order.",
    );
    let sections = [
        groups("By kernel", "Kernel", &measured.by_kernel()),
        groups("By block of the model", "Block", &measured.by_block()),
        slowest(&measured, &roofs),
        trace.file("ridgepoint-step.trace.json", &measured.to_chrome_trace()),
    ];
    let lead = format!(
        "On {}: {:.2} ms of kernels a step; {:.2} ms were predicted before it ran, {:+.0} %.",
        backend(place),
        measured.total_seconds * 1e3,
        predicted * 1e3,
        (predicted / measured.total_seconds - 1.0) * 100.0
    );
    Ok(json::report("Profile", &lead, &sections))
}

/// Calls that belong together, largest first.
fn groups(heading: &str, name: &str, groups: &[Group]) -> Section {
    let rate =
        |group: &Group, work: f64| if group.seconds > 0.0 { work / group.seconds / 1e9 } else { f64::NAN };
    let row = |group: &Group| {
        vec![
            Cell::text(&group.name),
            Cell::Number(group.calls as f64),
            Cell::Number(group.seconds * 1e3),
            Cell::Number(group.share * 100.0),
            Cell::Number(rate(group, group.flops)),
            Cell::Number(rate(group, group.bytes)),
        ]
    };
    let rows: Vec<Vec<Cell>> = groups.iter().map(row).collect();
    let columns =
        [(name, ""), ("Calls", ""), ("Time", "ms"), ("Share", "%"), ("Rate", "GFLOP/s"), ("Memory", "GB/s")];
    Section::new(heading, "Measured here, each call by itself, the median of three steps.")
        .table(&columns, &rows)
}

/// The calls that take most of the time, with the roof that each is under.
fn slowest(measured: &StepProfile, roofs: &Roofs) -> Section {
    let mut rows: Vec<_> = measured.rows.iter().collect();
    rows.sort_by(|a, b| b.share.total_cmp(&a.share));
    let row = |row: &&CallProfile| {
        let position = roofs.position(row);
        let roof = match position.map(|position| position.roof) {
            Some(Roof::Compute) => "compute",
            Some(Roof::Memory) => "memory",
            None => "",
        };
        vec![
            Cell::text(row.kernel),
            Cell::text(&row.label),
            Cell::Number(row.seconds * 1e3),
            Cell::Number(position.map_or(f64::NAN, |position| position.arithmetic_intensity)),
            Cell::text(roof),
            Cell::Number(position.map_or(f64::NAN, |position| position.share_of_roof * 100.0)),
        ]
    };
    let rows: Vec<Vec<Cell>> = rows.iter().take(24).map(row).collect();
    let note = format!(
        "Roofs measured here: {:.1} GFLOP/s and {:.1} GB/s, which meet at {:.1} operations a byte. More than 100 % of the memory roof means that a cache served the call.",
        roofs.peak_flops_per_second / 1e9,
        roofs.bytes_per_second / 1e9,
        roofs.ridge_point()
    );
    let columns = [
        ("Kernel", ""),
        ("For", ""),
        ("Time", "ms"),
        ("Intensity", "FLOP/byte"),
        ("Under the roof of", ""),
        ("Of that roof", "%"),
    ];
    Section::new("The slowest calls under the roofline", note).table(&columns, &rows)
}
