//! The comparison with other engines, for `bench.html` and `cold.html`.
//!
//! Those pages load this module themselves and call what stands here, without a worker between: a message to a worker
//! and its answer cost as much as a tenth of the smallest workload, and nobody uses such a page while it measures.

use engine::{
    EngineError,
    backends::cpu::simd::{self, MatmulDims, MatmulScratch},
    bench::{self, Cycle, Products, Training, TrainingJob},
    training::Where,
};
use js_sys::{Array, Uint32Array};
use wasm_bindgen::{JsCast, JsError, prelude::wasm_bindgen};

fn explained(error: &EngineError) -> JsError {
    JsError::new(&error.to_string())
}

fn usizes(words: &[u32]) -> Vec<usize> {
    words.iter().map(|word| *word as usize).collect()
}

/// A backend.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Bench {
    place: Where,
}

#[wasm_bindgen]
impl Bench {
    /// Opens "webgpu" or "wasm".
    ///
    /// # Errors
    /// No adapter, or one that refuses a device.
    pub async fn open(backend: String) -> Result<Bench, JsError> {
        if backend != "webgpu" {
            return Ok(Self { place: Where::Cpu });
        }
        let place = bench::open_gpu().await.map_err(|error| explained(&error))?;
        place.map(|place| Self { place }).ok_or_else(|| JsError::new("the browser offers no GPU adapter"))
    }

    /// `chain` products of an `[m, k]` matrix with a `[k, n]` one; `is_tuned` measures variants first.
    ///
    /// # Errors
    /// Sizes that do not fit, out of memory, a refused shader, a lost device.
    pub async fn products(
        &self,
        sizes: Vec<u32>,
        chain: usize,
        lhs: Vec<f32>,
        rhs: Vec<f32>,
        is_tuned: bool,
    ) -> Result<BenchProducts, JsError> {
        let &[m, k, n] = usizes(&sizes).as_slice() else { return Err(JsError::new("sizes are m, k and n")) };
        let products = Products::new([m, k, n], chain, [&lhs, &rhs], &self.place, is_tuned).await;
        products.map(|products| BenchProducts { products }).map_err(|error| explained(&error))
    }

    /// A training run of "train-mlp" (sizes: batch and widths), "train-cnn" (batch) or "train-gpt" (batch, layers,
    /// width, heads, length, vocabulary), from all weights in a row; batches are pairs of words.
    ///
    /// # Errors
    /// An unknown family, sizes that do not fit, out of memory, a refused shader, a lost device.
    pub async fn training(
        &self,
        family: String,
        sizes: Vec<u32>,
        learning_rate: f64,
        weight_decay: f32,
        weights: Vec<f32>,
        batches: Array,
    ) -> Result<BenchTraining, JsError> {
        let sizes = usizes(&sizes);
        let job = match (family.as_str(), sizes.as_slice()) {
            ("train-mlp", [batch, widths @ ..]) => TrainingJob::mlp(widths, *batch, learning_rate),
            ("train-cnn", [batch]) => TrainingJob::cnn(*batch, learning_rate),
            ("train-gpt", &[batch, layers, width, heads, length, vocabulary]) => {
                let sizes = [layers, width, heads, length, vocabulary];
                TrainingJob::gpt(sizes, batch, learning_rate, weight_decay)
            }
            _ => return Err(JsError::new(&format!("no training of {family} with sizes {sizes:?}"))),
        };
        let batches = Cycle { batches: batches.iter().map(|batch| words_of_pair(&batch.into())).collect() };
        let training = Training::new(&job, &weights, batches, &self.place).await;
        training.map(|training| BenchTraining { training }).map_err(|error| explained(&error))
    }
}

/// Examples and labels of a batch.
fn words_of_pair(pair: &Array) -> (Vec<u32>, Vec<u32>) {
    let part =
        |index| pair.get(index).dyn_into::<Uint32Array>().map_or_else(|_| vec![], |words| words.to_vec());
    (part(0), part(1))
}

/// Products ready to run.
#[wasm_bindgen]
#[derive(Debug)]
pub struct BenchProducts {
    products: Products,
}

#[wasm_bindgen]
impl BenchProducts {
    /// Computes everything again and waits for it.
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn run(&mut self) -> Result<(), JsError> {
        self.products.run().await.map_err(|error| explained(&error))
    }

    /// The whole result of the last run.
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn output(&mut self) -> Result<Vec<f32>, JsError> {
        self.products.output().await.map_err(|error| explained(&error))
    }
}

/// A training run.
#[wasm_bindgen]
#[derive(Debug)]
pub struct BenchTraining {
    training: Training,
}

#[wasm_bindgen]
impl BenchTraining {
    /// Runs steps and returns their losses.
    ///
    /// # Errors
    /// A lost device, a timeout, or numbers that are no longer finite.
    pub async fn steps(&mut self, count: u32) -> Result<Vec<f32>, JsError> {
        self.training.steps(count).await.map_err(|error| explained(&error))
    }
}

/// One product on the CPU, at once: what the page of the cold start needs and no more.
///
/// # Errors
/// Sizes that do not fit.
#[wasm_bindgen]
pub fn product(lhs: &[f32], rhs: &[f32], m: usize, k: usize, n: usize) -> Result<Vec<f32>, JsError> {
    let mut result = vec![0.0; m * n];
    let dims = MatmulDims { m, k, n };
    let mut scratch = MatmulScratch::new();
    simd::matmul(&mut result, lhs, rhs, dims, false, false, false, &mut scratch)
        .map_err(|error| JsError::new(&error.to_string()))?;
    Ok(result)
}

/// What the adapter says of itself to WGPU is empty in most browsers; the page asks the browser. This is the build.
#[wasm_bindgen]
#[must_use]
pub fn build_id() -> String {
    crate::BUILD_ID.to_owned()
}
