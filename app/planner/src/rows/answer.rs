//! One line of answer for every line of a table, whatever the line holds.

use super::csv::{Row, Table, quoted};
use super::inference::{ServingMetric, read_serving};
use super::training::{Metric, TrainingRun, read_run};
use crate::catalog::Catalog;
use crate::prediction::Resource;
use crate::serving::ServingModel;
use crate::training::TrainingModel;

/// The columns of an answer.
pub const HEADER: &str = "id,metric,predicted,low80,high80,metric2,predicted2,low80_2,high80_2,\
memory_gib_per_accelerator,fits,binding_resource,error\n";

/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;

/// A value with its 80 % interval in the unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranged {
    /// Central value.
    pub value: f64,
    /// One in ten is below.
    pub low: f64,
    /// One in ten is above.
    pub high: f64,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// Row id.
    pub id: String,
    /// First unit.
    pub metric: String,
    /// First answer.
    pub first: Option<Ranged>,
    /// Second unit.
    pub metric2: String,
    /// Second answer.
    pub second: Option<Ranged>,
    /// GiB on the fullest accelerator.
    pub memory_gib: Option<f64>,
    /// Whether it fits.
    pub fits: Option<bool>,
    /// What binds.
    pub binding_resource: &'static str,
    /// Why there is no answer, or what was assumed where one is only partial.
    pub error: String,
}

impl Answer {
    /// The line, with its line break.
    #[must_use]
    pub fn line(&self) -> String {
        let ranged = |value: Option<Ranged>| {
            value.map_or_else(
                || ",,".into(),
                |r| format!("{},{},{}", number(r.value), number(r.low), number(r.high)),
            )
        };
        format!(
            "{},{},{},{},{},{},{},{},{}\n",
            quoted(&self.id),
            quoted(&self.metric),
            ranged(self.first),
            quoted(&self.metric2),
            ranged(self.second),
            self.memory_gib.map_or_else(String::new, number),
            self.fits.map_or("", |fits| if fits { "true" } else { "false" }),
            self.binding_resource,
            quoted(&self.error)
        )
    }
}

/// Six significant digits: more than any prediction has, and the same text on every target.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return String::new();
    }
    if value == 0.0 {
        return "0".into();
    }
    let mut digits = 5_i32;
    let mut scale = value.abs();
    while scale >= 10.0 && digits > 0 {
        scale /= 10.0;
        digits -= 1;
    }
    while scale < 1.0 && digits < 15 {
        scale *= 10.0;
        digits += 1;
    }
    format!("{value:.*}", usize::try_from(digits).unwrap_or(0))
}

/// The word for a resource in an answer.
#[must_use]
pub const fn resource_name(resource: Resource) -> &'static str {
    match resource {
        Resource::Compute => "compute",
        Resource::Memory => "memory_bandwidth",
        Resource::IntraNodeNetwork => "intra_node_network",
        Resource::InterNodeNetwork => "inter_node_network",
        Resource::PipelineBubble => "pipeline_bubble",
    }
}

/// Answers every row of a table of training runs.
#[must_use]
pub fn training(table: &Table, model: &TrainingModel, catalog: &Catalog) -> Vec<Answer> {
    table.iter().map(|row| training_row(&row, model, catalog)).collect()
}

fn training_row(row: &Row<'_>, model: &TrainingModel, catalog: &Catalog) -> Answer {
    let mut answer = Answer {
        id: row.text("id").to_owned(),
        metric: row.text("metric").to_owned(),
        metric2: row.text("metric2").to_owned(),
        ..Answer::default()
    };
    let run = match read_run(row, catalog) {
        Ok(run) => run,
        Err(reason) => {
            answer.error = reason;
            return answer;
        }
    };
    match model.predict(&run.workload, &run.layout, &run.chip, run.chip_number) {
        Ok(prediction) => {
            let ranged =
                |metric: Metric| in_units(&run, metric, prediction.seconds, prediction.low, prediction.high);
            answer.first = run.is_metric_known.then(|| ranged(run.metric));
            if !run.is_metric_known {
                // Memory and fit need no unit of time.
                answer.error = format!(
                    "metric is \"{:.40}\"; allowed are tokens/s/GPU, iter_time_s, TFLOP/s/GPU, sequences/s, samples/s, \
                     GPU_hours_total",
                    answer.metric
                );
            }
            answer.second = run.metric2.map(ranged);
            answer.memory_gib = Some(prediction.memory_bytes / GIB);
            answer.fits = Some(prediction.fits);
            answer.binding_resource = resource_name(prediction.step.bound_by());
        }
        Err(error) => answer.error = format!("{}: {error}", column_of(error.field)),
    }
    answer
}

/// The column that holds a field of the layout.
pub(super) fn column_of(field: &str) -> &str {
    match field {
        "tensor_parallel_size" => "tp",
        "pipeline_parallel_size" => "pp",
        "virtual_pipeline_size" => "vp",
        "context_parallel_size" => "cp",
        "expert_parallel_size" => "ep",
        "micro_batch_size" => "microbatch",
        "accelerator_count" => "n_accel",
        other => other,
    }
}

/// Answers every row of a table of served models.
#[must_use]
pub fn serving(table: &Table, model: &ServingModel, catalog: &Catalog) -> Vec<Answer> {
    table.iter().map(|row| serving_row(&row, model, catalog)).collect()
}

fn serving_row(row: &Row<'_>, model: &ServingModel, catalog: &Catalog) -> Answer {
    let mut answer = Answer {
        id: row.text("id").to_owned(),
        metric: row.text("metric").to_owned(),
        metric2: row.text("metric2").to_owned(),
        ..Answer::default()
    };
    let run = match read_serving(row, catalog) {
        Ok(run) => run,
        Err(reason) => {
            answer.error = reason;
            return answer;
        }
    };
    let [engine, version, recipe] = &run.words;
    let prediction =
        model.predict(&run.workload, &run.layout, &run.chip, run.chip_number, [engine, version, recipe]);
    let ranged = |metric: ServingMetric| {
        let [value, low, high] = run.answer(metric, &prediction);
        Ranged { value, low, high }
    };
    let [first, second] = run.metrics.map(|metric| metric.map(ranged));
    (answer.first, answer.second) = (first, second);
    answer.memory_gib = Some(prediction.physics.memory_bytes / GIB);
    answer.fits = Some(prediction.fits);
    answer.binding_resource = resource_name(prediction.physics.binding);
    if second.is_none() && !answer.metric2.is_empty() {
        answer.error = format!("metric2 is \"{:.40}\", which is not a unit of serving", answer.metric2);
    }
    answer
}

/// Seconds and their interval in another unit; a rate turns the interval round.
fn in_units(run: &TrainingRun, metric: Metric, seconds: f64, low: f64, high: f64) -> Ranged {
    let [value, a, b] = [seconds, low, high].map(|s| run.in_units(metric, s));
    Ranged { value, low: a.min(b), high: a.max(b) }
}

/// FNV-1a (64 bits) over the bits of every number of every answer: equal wherever the arithmetic is the same.
#[must_use]
pub fn digest<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut take = |value: f64| {
        for byte in value.to_bits().to_le_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for answer in answers {
        for ranged in [answer.first, answer.second].into_iter().flatten() {
            for value in [ranged.value, ranged.low, ranged.high] {
                take(value);
            }
        }
        take(answer.memory_gib.unwrap_or(0.0));
    }
    hash
}

/// [`digest`] of the answers to every row that the project carries, in hexadecimal digits: native code and the page's
/// worker must agree with `calibration/digest.txt` to the bit.
///
/// # Errors
/// What the committed rows or fits lack.
pub fn carried_digest(catalog: &Catalog) -> Result<String, String> {
    let mut answers =
        training(&crate::calibration::training::carried()?, &TrainingModel::builtin(catalog)?, catalog);
    let model = crate::calibration::serving::builtin(catalog)?;
    answers.extend(serving(&crate::calibration::serving::carried()?, &model, catalog));
    Ok(format!("{:016x}", digest(&answers)))
}

/// The table of answers.
#[must_use]
pub fn write(answers: &[Answer]) -> String {
    let mut out = String::from(HEADER);
    for answer in answers {
        out.push_str(&answer.line());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_six_digits_and_no_exponent() {
        for (value, text) in [
            (1_007.123_456, "1007.12"),
            (0.000_123_456_78, "0.000123457"),
            (123_456_789.0, "123456789"),
            (0.0, "0"),
            (f64::NAN, ""),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
