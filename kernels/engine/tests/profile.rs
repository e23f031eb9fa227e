//! The profiler: rows that add up, a trace that is JSON, a memory timeline whose peak is the arena, positions on the
//! roofline; and a run that goes on as if it had not been measured.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod support;

use engine::{
    models::Model,
    passes::{Pass, PassSet},
    profile::{CallProfile, Roof, Roofs, StepProfile, profile_step},
    training::{Session, StepSettings, Where},
};
use pollster::block_on;
use std::rc::Rc;
use support::{Fixed, small_gpt, small_models};

fn session(model: &Model, settings: StepSettings) -> Session {
    let examples = Box::new(Fixed { model: model.clone() });
    block_on(Session::new(model, settings, Rc::new(|_| 1e-2), examples, &Where::Cpu)).expect("compiles")
}

fn profiled(session: &mut Session) -> StepProfile {
    block_on(profile_step(session, 3)).expect("runs")
}

#[test]
fn rows_add_up_and_the_run_goes_on_unchanged() {
    let model = small_gpt(true);
    let settings =
        StepSettings { micro_batch_size: 4, gradient_accumulation_steps: 3, ..StepSettings::default() };
    let (mut measured, mut alone) = (session(&model, settings), session(&model, settings));
    block_on(measured.advance(3)).expect("runs");
    block_on(alone.advance(3)).expect("runs");
    let profile = profiled(&mut measured);
    let (calls, flops) = (measured.plan().calls.len(), measured.plan().flops());
    assert_eq!(profile.rows.len(), calls);
    assert!(profile.rows.iter().enumerate().all(|(number, row)| row.call == number && row.seconds >= 0.0));
    assert!((profile.rows.iter().map(|row| row.flops).sum::<f64>() / flops - 1.0).abs() < 1e-12);
    assert!((profile.rows.iter().map(|row| row.share).sum::<f64>() - 1.0).abs() < 1e-9);
    for groups in [profile.by_kernel(), profile.by_block()] {
        assert!(
            (groups.iter().map(|group| group.seconds).sum::<f64>() / profile.total_seconds - 1.0).abs()
                < 1e-9
        );
        assert!(groups.is_sorted_by(|a, b| a.seconds >= b.seconds));
    }
    let blocks: Vec<String> = profile.by_block().into_iter().map(|group| group.name).collect();
    for name in ["block 1", "block 2", "outside blocks", "update"] {
        assert!(blocks.iter().any(|block| block == name), "{name} in {blocks:?}");
    }
    let runs: usize = profile.by_kernel().iter().map(|group| group.calls).sum();
    let phases = &measured.plan().phases;
    assert_eq!(runs, 3 * phases[0].len() + phases[1].len());
    block_on(measured.advance(4)).expect("runs");
    block_on(alone.advance(4)).expect("runs");
    let bits = |session: &mut Session| {
        let weights = block_on(session.parameters(false)).expect("reads");
        weights.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(bits(&mut measured), bits(&mut alone));
    assert_eq!(measured.points(), alone.points());
}

#[test]
fn the_peak_of_memory_is_the_arena() {
    for model in small_models() {
        for (passes, recompute) in [(PassSet::all(), false), (PassSet::all(), true), (PassSet::none(), false)]
        {
            let settings = StepSettings { micro_batch_size: 4, passes, recompute, ..StepSettings::default() };
            let mut session = session(&model, settings);
            let profile = profiled(&mut session);
            let plan = session.plan();
            assert_eq!(profile.memory.peak_bytes, plan.bytes());
            assert_eq!(profile.memory.points.iter().map(|point| point.top_bytes).max(), Some(plan.bytes()));
            assert!(profile.memory.most_alive_bytes() <= plan.bytes());
            let state = plan.state_words as u64 * 4;
            assert!(
                profile.memory.points.iter().all(|point| point.state_bytes == state),
                "state always stays"
            );
            if passes.has(Pass::ArenaPacking) {
                let alive = profile.memory.most_alive_bytes() as f64;
                assert!(alive > 0.8 * plan.bytes() as f64, "{alive} of {} bytes", plan.bytes());
            }
            let most = |class: fn(&engine::profile::MemoryPoint) -> u64| {
                profile.memory.points.iter().map(class).max().unwrap_or(0)
            };
            assert!(most(|point| point.activation_bytes) > 0 && most(|point| point.gradient_bytes) > 0);
        }
    }
}

#[test]
fn the_trace_is_json_with_an_event_a_call() {
    let mut session =
        session(&small_gpt(false), StepSettings { micro_batch_size: 2, ..StepSettings::default() });
    let profile = profiled(&mut session);
    let trace: serde_json::Value = serde_json::from_str(&profile.to_chrome_trace()).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events");
    let complete: Vec<_> = events.iter().filter(|event| event["ph"] == "X").collect();
    assert_eq!(complete.len(), profile.rows.len());
    let mut end = 0.0;
    for (event, row) in complete.iter().zip(&profile.rows) {
        let begin = event["ts"].as_f64().expect("a time");
        assert!((begin - end).abs() < 1e-6 * end.max(1.0), "events follow each other");
        end = begin + event["dur"].as_f64().expect("a duration");
        assert_eq!(event["name"], row.kernel);
        assert_eq!(event["args"]["node"], row.label.as_str());
        assert_eq!(event["args"]["flops"].as_f64(), Some(row.flops));
    }
    assert_eq!(events.iter().filter(|event| event["ph"] == "C").count(), profile.rows.len());
}

#[test]
fn positions_follow_from_the_roofs() {
    let roofs = Roofs { peak_flops_per_second: 100.0, bytes_per_second: 10.0 };
    let row = |flops: f64, bytes: f64, seconds: f64| {
        let mut session = session(&small_models()[7], StepSettings::default());
        let row = profiled(&mut session).rows[0].clone();
        CallProfile { flops, bytes, seconds, ..row }
    };
    let position = roofs.position(&row(400.0, 10.0, 8.0)).expect("measured");
    assert_eq!(position.roof, Roof::Compute);
    assert!((position.share_of_roof - 0.5).abs() < 1e-12);
    let position = roofs.position(&row(4.0, 10.0, 4.0)).expect("measured");
    assert_eq!(position.roof, Roof::Memory);
    assert!(
        (position.share_of_roof - 0.25).abs() < 1e-12 && (position.arithmetic_intensity - 0.4).abs() < 1e-12
    );
    assert_eq!(roofs.position(&row(4.0, 10.0, 0.0)), None);
}
