//! Which variant of the product is fast on this adapter: measured once for each class of shapes, remembered with the
//! reason it won.

use super::{device::GpuDevice, kernels::params_of, trial::ProductTrial};
use crate::{
    EngineError,
    plan::{Kernel, Plan, Product},
    platform,
};
use shaders::product::{Cut, Form, VARIANTS, Variant};
use std::collections::BTreeMap;

/// Shapes that are measured as one: same forms, sizes within a factor of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShapeClass {
    /// lhs and rhs transposed.
    pub transposes: [bool; 2],
    /// lhs, rhs and product in vectors of four.
    pub quads: [bool; 3],
    /// Halvings of m, n and k until 1, rounded up.
    pub magnitudes: [u32; 3],
    /// Several slices.
    pub is_batched: bool,
}

impl ShapeClass {
    /// The class of a product.
    #[must_use]
    pub fn of(product: &Product) -> Self {
        let form = form_of(product);
        let magnitude = |size: usize| usize::BITS - size.saturating_sub(1).leading_zeros();
        Self {
            transposes: [form.transpose_lhs, form.transpose_rhs],
            quads: [form.lhs_in_quads, form.rhs_in_quads, form.product_in_quads],
            magnitudes: [product.m, product.n, product.split_length()].map(magnitude),
            is_batched: product.batch > 1,
        }
    }
}

/// The winner of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Number in the family.
    pub variant: usize,
    /// Seconds of the shape that was measured.
    pub seconds: f64,
    /// Operations of that shape.
    pub flops: f64,
    /// Why, in words.
    pub reason: String,
}

/// What was measured on an adapter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TuneTable {
    /// Winners by class.
    pub choices: BTreeMap<ShapeClass, Choice>,
}

impl TuneTable {
    /// As text, a line a class, for the browser's storage.
    #[must_use]
    pub fn to_text(&self) -> String {
        let line = |(class, choice): (&ShapeClass, &Choice)| {
            let flags = class.transposes.iter().chain(&class.quads).chain([&class.is_batched]);
            let flags: String = flags.map(|flag| if *flag { '1' } else { '0' }).collect();
            let [m, n, k] = class.magnitudes;
            let Choice { variant, seconds, flops, reason } = choice;
            format!("{flags} {m} {n} {k} {variant} {seconds:e} {flops:e} {reason}\n")
        };
        self.choices.iter().map(line).collect()
    }

    /// From text; lines that are not understood are left out, since everything can be measured again.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let parse = |line: &str| {
            let mut words = line.splitn(8, ' ');
            let flags: Vec<bool> = words.next()?.chars().map(|flag| flag == '1').collect();
            let &[a, b, c, d, e, is_batched] = flags.as_slice() else { return None };
            let mut number = || words.next()?.parse::<u32>().ok();
            let magnitudes = [number()?, number()?, number()?];
            let variant = number()? as usize;
            let mut amount = || words.next()?.parse::<f64>().ok().filter(|amount| amount.is_finite());
            let (seconds, flops) = (amount()?, amount()?);
            let reason = words.next()?.to_owned();
            let class = ShapeClass { transposes: [a, b], quads: [c, d, e], magnitudes, is_batched };
            (variant < VARIANTS.len()).then_some((class, Choice { variant, seconds, flops, reason }))
        };
        Self { choices: text.lines().filter_map(parse).collect() }
    }
}

/// The form of a product, epilogue included.
pub(super) fn form_of(product: &Product) -> Form {
    let word = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    let sizes = [word(product.m), word(product.n), word(product.k)];
    let transposes = [product.transpose_lhs, product.transpose_rhs];
    Form::of(sizes, transposes, product.accumulate, product.epilogue.clone())
}

/// The variants worth a measurement for a product that will run so often, best guess first.
#[must_use]
pub fn candidates(product: &Product, is_software: bool, runs: u64) -> Vec<usize> {
    let (form, params) = (form_of(product), params_of(product));
    let mut found: Vec<usize> = (0..VARIANTS.len())
        .filter(|index| {
            VARIANTS.get(*index).is_some_and(|variant| {
                // Workgroup memory is emulated a hundred times slower on a CPU: a single try costs seconds.
                let emulated = is_software && matches!(variant.cut, Cut::Shared | Cut::RowGroups);
                variant.takes(&form, &params) && !emulated
            })
        })
        .collect();
    let guess = |index: &usize| {
        VARIANTS.get(*index).map_or(u64::MAX, |variant| cost(variant, product, is_software, runs))
    };
    found.sort_by_key(guess);
    if is_software {
        // There a trial costs up to a second of compiling, and the guess is good.
        let least = found.first().map_or(0, guess);
        found.retain(|index| guess(index) <= 2 * least);
    }
    found
}

/// A guess of the work, for the order of trials: arithmetic on the padded result, loads, and too few or too thin
/// invocations.
fn cost(variant: &Variant, product: &Product, is_software: bool, runs: u64) -> u64 {
    if matches!(variant.cut, Cut::Rows | Cut::RowBlocks | Cut::RowGroups) {
        return 0;
    }
    let up = |size: usize, tile: u32| (size as u64).div_ceil(u64::from(tile)) * u64::from(tile);
    let (rows, columns, [x, y]) = (variant.rows, variant.quads * 4, variant.workgroup);
    if is_software {
        // The four invocations of a vector run whether or not they are inside, and a load costs as much as several
        // multiplications, one for each of the four. Measured on SwiftShader.
        const LOAD: u64 = 4;
        // Compiling an element of the tile takes as long as this many multiplications, shared by all runs.
        const COMPILING: u64 = 3_000_000;
        let padded = up(product.m, rows * y.min(4)) * up(product.n, columns * x.min(4));
        let loads = LOAD * (padded / u64::from(rows) + padded / u64::from(columns));
        let terms = (product.k * product.batch) as u64;
        let thin = if x * y > 8 { 9 } else { 8 };
        return (padded + loads) * terms * thin / 8 + COMPILING / runs.max(1) * u64::from(rows * columns);
    }
    let padded = up(product.m, rows) * up(product.n, columns);
    let invocations = padded / u64::from(rows) / u64::from(columns) * (product.batch * product.splits) as u64;
    let loads = (padded / u64::from(rows) + padded / u64::from(columns)) * 16;
    padded * 16 + loads + u64::from(x * y < 32) * padded * 64 + u64::from(invocations < 4096) * padded * 8
}

impl GpuDevice {
    /// The variant for a product: measured, or the best guess.
    #[must_use]
    pub fn variant_of(&self, product: &Product) -> &'static Variant {
        let tuned = self.tuning.borrow().choices.get(&ShapeClass::of(product)).map(|choice| choice.variant);
        let form = form_of(product);
        let trusted = tuned
            .filter(|index| !self.quarantine.borrow().contains_key(index))
            .and_then(|index| VARIANTS.get(index))
            .filter(|variant| variant.takes(&form, &params_of(product)));
        trusted
            .or_else(|| self.usable(product).first().and_then(|index| VARIANTS.get(*index)))
            .unwrap_or(&VARIANTS[0])
    }

    /// Candidates that never answered wrongly here; where all of those did, others that fit.
    fn usable(&self, product: &Product) -> Vec<usize> {
        let quarantine = self.quarantine.borrow();
        let is_trusted = |index: &usize| !quarantine.contains_key(index);
        let likely = candidates(product, self.is_software(), self.expected_runs.get());
        let trusted: Vec<usize> = likely.into_iter().filter(is_trusted).collect();
        if !trusted.is_empty() {
            return trusted;
        }
        let (form, params) = (form_of(product), params_of(product));
        let fits = |index: &usize| VARIANTS.get(*index).is_some_and(|variant| variant.takes(&form, &params));
        (0..VARIANTS.len()).filter(is_trusted).filter(fits).collect()
    }

    /// Takes over what an earlier device of this adapter is not trusted with.
    pub fn adopt_quarantine(&self, earlier: &Self) {
        self.quarantine.borrow_mut().extend(earlier.quarantine.borrow().clone());
    }

    /// Variants of the product that answered wrongly on this adapter and are not used, with what they said.
    #[must_use]
    pub fn quarantined(&self) -> Vec<(&'static str, String)> {
        let quarantine = self.quarantine.borrow();
        let named = quarantine.iter().filter_map(|(index, message)| {
            VARIANTS.get(*index).map(|variant| (variant.name, message.clone()))
        });
        named.collect()
    }

    /// What was measured so far.
    #[must_use]
    pub fn tuning(&self) -> TuneTable {
        self.tuning.borrow().clone()
    }

    /// Takes over what was measured earlier on this adapter, in place of what it knows of the same classes.
    pub fn adopt_tuning(&self, table: &TuneTable) {
        let choices = table.choices.iter().map(|(class, choice)| (*class, choice.clone()));
        self.tuning.borrow_mut().choices.extend(choices);
    }

    /// Measures the classes of a plan's products that are not known yet, largest first, for at most `budget_seconds`.
    /// Returns how many were measured.
    ///
    /// # Errors
    /// A lost device; a variant that the browser refuses is left out.
    pub async fn tune(&self, plan: &Plan, budget_seconds: f64) -> Result<usize, EngineError> {
        let mut products: Vec<&Product> = plan
            .calls
            .iter()
            .filter_map(|call| match &call.kernel {
                Kernel::Product(product) => Some(&**product),
                _ => None,
            })
            .collect();
        products.sort_by(|a, b| b.flops().total_cmp(&a.flops()));
        let begin = platform::now_seconds();
        let mut measured = 0;
        for product in products {
            let class = ShapeClass::of(product);
            if self.tuning.borrow().choices.contains_key(&class) {
                continue;
            }
            let left = budget_seconds - (platform::now_seconds() - begin);
            if left <= 0.0 {
                break;
            }
            if let Some(choice) = self.measure_class(product, left).await? {
                self.tuning.borrow_mut().choices.insert(class, choice);
                measured += 1;
            }
        }
        Ok(measured)
    }

    /// Seconds of each candidate, best guess first, until the time is spent.
    ///
    /// # Errors
    /// A lost device.
    pub async fn measure_candidates(
        &self,
        product: &Product,
        budget_seconds: f64,
    ) -> Result<Vec<(usize, f64)>, EngineError> {
        // The epilogue's buffers are not at hand, and it costs all variants the same.
        let plain = Product { epilogue: None, ..product.clone() };
        let bench = ProductTrial::new(self, &plain).await?;
        let begin = platform::now_seconds();
        let mut timed: Vec<(usize, f64)> = vec![];
        for index in self.usable(&plain) {
            let spent = platform::now_seconds() - begin;
            if spent > budget_seconds && !timed.is_empty() {
                break;
            }
            let Some(variant) = VARIANTS.get(index) else { continue };
            let best = timed.iter().map(|(_, seconds)| *seconds).fold(f64::INFINITY, f64::min);
            match bench.seconds(variant, best).await {
                Ok(Ok(seconds)) => timed.push((index, seconds)),
                Ok(Err(message)) => {
                    self.quarantine.borrow_mut().insert(index, message);
                }
                Err(EngineError::Gpu { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(timed)
    }

    async fn measure_class(
        &self,
        product: &Product,
        budget_seconds: f64,
    ) -> Result<Option<Choice>, EngineError> {
        let mut timed = self.measure_candidates(product, budget_seconds).await?;
        timed.sort_by(|a, b| a.1.total_cmp(&b.1));
        let Some(&(variant, seconds)) = timed.first() else { return Ok(None) };
        let name = |index: usize| VARIANTS.get(index).map_or("?", |variant| variant.name);
        let reason = match timed.get(1) {
            Some(&(second, slower)) => format!(
                "{}: {:.2} times as fast as {} on {}x{}x{}",
                name(variant),
                slower / seconds,
                name(second),
                product.m,
                product.n,
                product.k
            ),
            None => format!("{}: the only one that fits", name(variant)),
        };
        Ok(Some(Choice { variant, seconds, flops: product.flops(), reason }))
    }
}
