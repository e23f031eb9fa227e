//! The catalog: every fact has a source, the ids that links and defaults use exist, gaps are typed errors.

use planner::catalog::{AcceleratorKind, Catalog, CatalogError};
use planner::scenario::{Dtype, Scenario};

#[test]
fn the_defaults_exist() {
    let catalog = Catalog::builtin();
    let Scenario { accelerator, interconnect, model, .. } = Scenario::default();
    assert!(catalog.accelerator(&accelerator).is_ok());
    assert!(catalog.interconnect(&interconnect).is_ok());
    assert!(catalog.model(&model).is_ok());
}

#[test]
fn every_kind_of_machine_is_there() {
    let catalog = Catalog::builtin();
    for id in ["a100-40gb", "a100-80gb", "h100-sxm", "h100-pcie", "h200", "b200", "gb200", "mi300x", "mi355x"]
    {
        assert_eq!(
            catalog.accelerator(id).map(|accelerator| accelerator.kind),
            Ok(AcceleratorKind::Gpu),
            "{id}"
        );
    }
    assert!(
        catalog.accelerators().iter().filter(|accelerator| accelerator.kind == AcceleratorKind::Tpu).count()
            >= 4
    );
    assert!(catalog.accelerators().iter().any(|accelerator| accelerator.kind == AcceleratorKind::Cpu));
    assert!(catalog.models().len() >= 34);
}

#[test]
fn facts_are_in_physical_ranges_and_consistent() {
    for accelerator in Catalog::builtin().accelerators() {
        let name = accelerator.name;
        for dtype in accelerator.dtypes() {
            let peak = accelerator.peak_flops(dtype).expect(name);
            assert!((1e10..1e17).contains(&peak.value.0) && !peak.source.is_empty(), "{name} {dtype:?}");
            if let Some(achievable) = accelerator.achievable_flops(dtype) {
                let share = achievable.value / peak.value;
                assert!((0.3..=1.0).contains(&share), "{name} {dtype:?}: {share}");
            }
        }
        assert!((4e9..2e12).contains(&accelerator.memory().expect(name).value.0), "{name}");
        assert!((1e10..1e14).contains(&accelerator.memory_bandwidth().expect(name).value.0), "{name}");
        assert!(
            accelerator.thermal_design_power().is_ok() || accelerator.assumed_power().is_some(),
            "{name}"
        );
        if accelerator.accelerators_per_node.value > 1.0 {
            assert!(accelerator.intra_node_bandwidth().is_ok(), "{name}");
        }
        // The ridge point of every machine lies where machines have theirs.
        if let Ok(peak) = accelerator.peak_flops(Dtype::Bf16) {
            let ridge_point = peak.value.0 / accelerator.memory_bandwidth().expect(name).value.0;
            assert!((1.0..1_000.0).contains(&ridge_point), "{name}: {ridge_point} FLOP/byte");
        }
        for price in Catalog::builtin().prices_for(accelerator.id) {
            assert!((0.05..50.0).contains(&price.usd_per_accelerator_hour.value.0), "{name}: {price:?}");
        }
    }
}

#[test]
fn a_gap_is_a_typed_error_that_says_what_to_do() {
    let catalog = Catalog::builtin();
    let check = |error: CatalogError, hint: &str| {
        let message = error.to_string();
        assert!(message.contains(hint) && message.contains("kept"), "{message}");
    };
    let tpu = catalog.accelerator("tpu-v5p").unwrap();
    check(tpu.peak_flops(Dtype::F16).unwrap_err(), "F16");
    check(tpu.purchase_price().unwrap_err(), "own cost");
    check(tpu.thermal_design_power().unwrap_err(), "power");
    check(catalog.median_price(catalog.accelerator("mi355x").unwrap()).unwrap_err(), "own price");
    check(catalog.accelerator("x").unwrap_err(), "\"x\"");
    check(catalog.interconnect("x").unwrap_err(), "\"x\"");
    check(catalog.model("x").unwrap_err(), "\"x\"");
    check(catalog.site("x").unwrap_err(), "\"x\"");
}

#[test]
fn the_price_taken_is_the_median_offer() {
    let catalog = Catalog::builtin();
    let h100 = catalog.accelerator("h100-sxm").unwrap();
    let prices: Vec<f64> =
        catalog.prices_for("h100-sxm").iter().map(|price| price.usd_per_accelerator_hour.value.0).collect();
    assert!(prices.is_sorted() && prices.len() >= 5, "{prices:?}");
    let median = catalog.median_price(h100).unwrap().usd_per_accelerator_hour.value.0;
    let below = prices.iter().filter(|price| **price < median).count();
    let above = prices.iter().filter(|price| **price > median).count();
    assert!(below <= prices.len() / 2 && above <= prices.len() / 2, "{median} of {prices:?}");
}

#[test]
fn the_fields_of_every_model_give_its_published_count() {
    for model in Catalog::builtin().models() {
        let counted = model.shape.parameters();
        let published = model.parameters.value;
        // Norms, biases and vision towers are not counted; BERT's pooler and types are a larger part of a small model.
        let most = if published < 1e9 { 0.03 } else { 0.01 };
        assert!(
            (counted / published - 1.0).abs() < most,
            "{}: {counted:.5e}, published {published:.5e}",
            model.id
        );
        assert!(model.shape.active_parameters() <= counted, "{}", model.id);
    }
}
