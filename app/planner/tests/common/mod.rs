//! Random states for the property tests: a counter-based generator, so that a failure names its index.

#![allow(dead_code, reason = "each test file uses its part")]

use planner::catalog::Catalog;
use planner::experiment::{BackendChoice, DatasetChoice, Experiment, ModelKind, Optimizer};
use planner::own_facts::OwnFacts;
use planner::scenario::{Deployment, Dtype, MeasuredDevice, Scenario, THIS_DEVICE};
use planner::workbench::{Page, Workbench};

/// SplitMix64 (Steele et al. 2014).
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound.max(1) as u64) as usize
    }

    pub fn flip(&mut self) -> bool {
        self.bits() & 1 == 1
    }

    fn word(&mut self) -> u32 {
        (self.bits() >> 32) as u32
    }

    /// Often a bound, often small, else anything.
    fn whole(&mut self, low: u32, high: u32) -> u32 {
        match self.below(5) {
            0 => low,
            1 => high,
            2 => low.saturating_add(self.word() % 9).min(high),
            _ => low + (self.word() as u64 % (u64::from(high - low) + 1)) as u32,
        }
    }

    /// A bound, or a number whose logarithm is evenly spread, with all its digits.
    fn real(&mut self, low: f64, high: f64) -> f64 {
        let share = self.bits() as f64 / u64::MAX as f64;
        match self.below(6) {
            0 => low,
            1 => high,
            _ => {
                let floor = low.max(1e-9);
                (floor.ln() + (high.ln() - floor.ln()) * share).exp().clamp(low, high)
            }
        }
    }

    fn own_facts(&mut self) -> OwnFacts {
        let mut facts = OwnFacts::default();
        for key in ["peak", "memory-bandwidth", "network", "power", "no-such-fact"] {
            if self.below(8) == 0 {
                facts.set(key, self.real(0.0, 1e18));
            }
        }
        facts
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    fn name(&mut self) -> String {
        const TEXTS: [&str; 6] = ["a", "Übung ", "日", "😀", "&end", "%c= ?#+\"<"];
        let length = if self.below(8) == 0 { 256 } else { self.below(24) };
        (0..length).map(|_| self.pick(&TEXTS)).collect()
    }

    pub fn scenario(&mut self) -> Scenario {
        let catalog = Catalog::builtin();
        let here = self.below(6) == 0;
        let accelerator = &catalog.accelerators()[self.below(catalog.accelerators().len())];
        let (tensor, pipeline) = (self.pick(&[1, 1, 2, 8, 64]), self.pick(&[1, 1, 2, 4, 256]));
        let count =
            if self.flip() { tensor * pipeline * self.whole(1, 64) } else { self.whole(1, 1_000_000) };
        Scenario {
            name: self.name(),
            accelerator: if here { THIS_DEVICE.into() } else { accelerator.id.into() },
            measured_device: (here || self.below(9) == 0).then(|| MeasuredDevice {
                peak_f32_flops_per_second: self.real(1e6, 1e18),
                memory_bandwidth_bytes_per_second: self.real(1e6, 1e16),
                memory_bytes: self.real(1e6, 1e15),
            }),
            accelerator_count: count,
            interconnect: catalog.interconnects()[self.below(catalog.interconnects().len())].id.into(),
            deployment: self.pick(&[Deployment::OnPremises, Deployment::Cloud, Deployment::Hybrid]),
            cloud_fraction: self.real(0.0, 1.0),
            model: catalog.models()[self.below(catalog.models().len())].id.into(),
            precision: self.pick(&Dtype::ALL),
            sequence_length: self.whole(1, 10_000_000),
            global_batch_size: self.whole(1, 10_000_000),
            micro_batch_size: self.whole(1, 65_536),
            tensor_parallel_size: tensor,
            pipeline_parallel_size: pipeline,
            virtual_pipeline_size: self.pick(&[1, 1, 1, 2, 64]),
            context_parallel_size: self.pick(&[1, 1, 1, 1, 2, 256]),
            expert_parallel_size: self.pick(&[1, 1, 1, 8, 1_024]),
            selective_recomputation: self.flip(),
            zero_stage: self.pick(&[0, 1, 2, 3]),
            full_recomputation: self.flip(),
            training_tokens: self.real(1.0, 1e16),
            usd_per_accelerator_hour: self.flip().then(|| self.real(0.0, 10_000.0)),
            usd_per_kilowatt_hour: self.real(0.0, 10.0),
            amortisation_years: self.real(0.1, 20.0),
            own_facts: self.own_facts(),
        }
        .sanitised()
    }

    pub fn workbench(&mut self) -> Workbench {
        let model = self.pick(&[ModelKind::Mlp, ModelKind::Cnn]);
        let (low, high) = Experiment::width_range(model);
        let mut workbench = Workbench {
            page: self.pick(&Page::ALL),
            experiment: Experiment {
                dataset: self.pick(&[DatasetChoice::Drawn, DatasetChoice::Files]),
                data_seed: self.whole(0, u32::MAX),
                model,
                width: self.whole(low, high),
                batch_size: self.whole(1, 1024),
                optimizer: self.pick(&[Optimizer::Adam, Optimizer::Sgd]),
                learning_rate: self.real(1e-6, 10.0),
                epochs: self.whole(1, 100),
                seed: self.whole(0, u32::MAX),
                backend: self.pick(&[BackendChoice::Auto, BackendChoice::Gpu, BackendChoice::Cpu]),
            },
            scenario: self.scenario(),
        };
        // Half of the states are a few changes to the default, as a visitor makes them.
        if self.flip() {
            let base = Workbench::default();
            if self.flip() {
                workbench.experiment = base.experiment;
            }
            if self.flip() {
                workbench.scenario = Scenario { name: workbench.scenario.name, ..base.scenario };
            }
        }
        workbench.sanitised()
    }
}
