//! A run's settings from a query. Numbers are forced into their ranges, unknown words become the default: any link runs.

use engine::{
    datasets::{text::TokenizerChoice, toys::Toy},
    models::{
        Activation, Autoencoder, Gpt, Layer, Model, Network, Norm, Positions, ResidualNetwork, ToyNetwork,
        VisionTransformer,
    },
    training::{
        OptimizerSpec, StepSettings,
        schedule::{Schedule, Shape},
    },
};
use std::{collections::HashMap, str::FromStr};

/// What the model reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DataChoice {
    /// Points of the plane: which, how many, noise, seed.
    Plane(Toy, usize, f32, u32),
    /// Drawn digits of a seed.
    Digits(u32),
    /// A text that the page sends along.
    Text(TokenizerChoice),
}

/// Where the visitor wants it to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Whichever measures faster.
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU.
    Gpu,
}

/// How a GPT writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Writing {
    /// What it goes on from.
    pub prompt: String,
    /// Tokens to write.
    pub tokens: usize,
    /// Divides the logits.
    pub temperature: f32,
    /// Only so many of the most probable tokens; 0 for all.
    pub top_k: usize,
    /// Seed.
    pub seed: u32,
}

/// All settings of a run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The query that they came from.
    pub query: String,
    /// Data.
    pub data: DataChoice,
    /// One step.
    pub step: StepSettings,
    /// Learning rate.
    pub schedule: Schedule,
    /// Steps of the run.
    pub steps: u32,
    /// Steps between two measurements on held-out data.
    pub evaluate_every: u32,
    /// Measurements in a row that may be no better; 0 never stops early.
    pub patience: u32,
    /// Backend.
    pub backend: Backend,
    /// Seconds between two checkpoints.
    pub save_every_seconds: f64,
    /// Samples of a GPT.
    pub writing: Writing,
    fields: Fields,
}

/// A value of a query as text: `%41` is a byte; what is no byte stays as it is.
fn decoded(value: &str) -> String {
    let mut bytes = vec![];
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = || u8::from_str_radix(std::str::from_utf8(after.get(..2)?).ok()?, 16).ok();
        match (first, byte()) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (other, _) => {
                bytes.push(*other);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The pairs of a query.
#[derive(Debug, Clone)]
pub struct Fields(HashMap<String, String>);

impl Fields {
    /// Of a query; parts without `=` are left out.
    pub fn of(query: &str) -> Self {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(key, value)| (key.to_owned(), decoded(value))).collect())
    }

    /// A word, or nothing.
    pub fn word(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    fn number<T: FromStr + PartialOrd + Copy>(&self, key: &str, default: T, range: (T, T)) -> T {
        let value = self.0.get(key).and_then(|value| value.parse().ok()).unwrap_or(default);
        // What is not a number compares as neither and is replaced.
        if value < range.0 {
            range.0
        } else if value <= range.1 {
            value
        } else {
            range.1
        }
    }

    fn is_on(&self, key: &str) -> bool {
        self.word(key) == "1"
    }
}

impl Settings {
    /// From the page's query.
    pub fn of(query: &str) -> Self {
        let fields = Fields::of(query);
        let steps = fields.number("steps", 500, (1, 1_000_000));
        let seed = fields.number("seed", 1, (0, u32::MAX));
        let shape = match fields.word("schedule") {
            "linear" => Shape::Linear,
            "cosine" => Shape::Cosine,
            "onecycle" => Shape::OneCycle,
            _ => Shape::Constant,
        };
        let schedule = Schedule {
            shape,
            peak: fields.number("rate", 1e-3, (1e-7, 10.0)),
            floor: fields.number("floor", 0.0, (0.0, 1.0)),
            warm_up_steps: fields.number("warmup", 0, (0, 100_000)),
            total_steps: steps,
        };
        Self {
            query: query.to_owned(),
            data: data(&fields, seed),
            step: step(&fields, seed),
            schedule,
            steps,
            evaluate_every: fields.number("every", 50, (1, 100_000)),
            patience: fields.number("patience", 0, (0, 1000)),
            backend: match fields.word("backend") {
                "cpu" => Backend::Cpu,
                "gpu" => Backend::Gpu,
                _ => Backend::Auto,
            },
            save_every_seconds: fields.number("save", 10.0, (1.0, 3600.0)),
            writing: Writing::of(&fields),
            fields,
        }
    }

    /// The model, for a vocabulary where it reads text.
    pub fn model(&self, vocab_size: usize) -> Model {
        let fields = &self.fields;
        let width = |default, most| fields.number("width", default, (1, most));
        let layers = |default| fields.number("layers", default, (1, 24));
        let dense = |inputs, outputs, relu| Layer::Dense { inputs, outputs, relu };
        match fields.word("model") {
            "mlp" => {
                let width = width(128, 2048);
                let mut list = vec![dense(784, width, true)];
                list.extend((1..layers(2)).map(|_| dense(width, width, true)));
                list.push(dense(width, 10, false));
                Model::Network(Network { layers: list })
            }
            "cnn" => {
                let width = width(8, 128);
                let conv = |inputs, outputs| Layer::Conv { inputs, outputs };
                Model::Network(Network {
                    layers: vec![conv(1, width), conv(width, 2 * width), dense(7 * 7 * 2 * width, 10, false)],
                })
            }
            "residual" => Model::Residual(ResidualNetwork {
                width: width(8, 64),
                blocks: fields.number("layers", 1, (1, 6)),
            }),
            "vit" => self.vision(),
            "autoencoder" => Model::Autoencoder(Autoencoder {
                width: width(128, 1024),
                latent: fields.number("latent", 8, (1, 128)),
            }),
            "gpt" => self.gpt(vocab_size),
            _ => {
                let classes = match self.data {
                    DataChoice::Plane(toy, ..) => toy.classes() as usize,
                    _ => 2,
                };
                Model::Toy(ToyNetwork { width: width(16, 256), layers: layers(3).min(8), classes })
            }
        }
    }

    /// At most so many heads as asked for, each of a multiple of four values.
    fn heads(&self, width: usize) -> usize {
        let wanted = self.fields.number("heads", 4, (1, 16));
        (1..=wanted)
            .rev()
            // Attention reads vectors of four, and rotary positions turn pairs of values.
            .find(|heads| width.is_multiple_of(4 * heads))
            .unwrap_or(1)
    }

    /// A width in steps of eight, so that heads divide it and halves of heads can turn.
    fn hidden(&self, default: usize) -> usize {
        self.fields.number("width", default, (8, 768)).next_multiple_of(8)
    }

    fn vision(&self) -> Model {
        let d = self.hidden(48);
        let patch_size = match self.fields.word("patch") {
            "2" => 2,
            "4" => 4,
            "14" => 14,
            _ => 7,
        };
        Model::VisionTransformer(VisionTransformer {
            patch_size,
            hidden_size: d,
            num_hidden_layers: self.fields.number("layers", 2, (1, 12)),
            num_attention_heads: self.heads(d),
            intermediate_size: 2 * d,
        })
    }

    fn gpt(&self, vocab_size: usize) -> Model {
        let d = self.hidden(64);
        let heads = self.heads(d);
        let positions =
            if self.fields.word("positions") == "learned" { Positions::Learned } else { Positions::Rotary };
        let is_modern = self.fields.word("block") == "swiglu";
        Model::Gpt(Gpt {
            vocab_size,
            sequence_length: self.fields.number("length", 64, (4, 1024)),
            num_hidden_layers: self.fields.number("layers", 2, (1, 24)),
            hidden_size: d,
            intermediate_size: if is_modern { (d * 8 / 3).next_multiple_of(8) } else { 4 * d },
            num_attention_heads: heads,
            num_key_value_heads: (1..=self.fields.number("kv", heads, (1, 16)).min(heads))
                .rev()
                .find(|groups| heads.is_multiple_of(*groups))
                .unwrap_or(heads),
            positions,
            activation: if is_modern { Activation::SwiGlu } else { Activation::Gelu },
            norm: if is_modern { Norm::Rms } else { Norm::Layer },
            tie_word_embeddings: self.fields.word("tied") != "0",
            has_bias: !is_modern,
        })
    }
}

impl Writing {
    /// From a query's fields.
    pub fn of(fields: &Fields) -> Self {
        Self {
            prompt: fields.word("prompt").chars().take(400).collect(),
            tokens: fields.number("write", 100, (1, 1000)),
            temperature: fields.number("heat", 0.8, (0.0, 5.0)),
            top_k: fields.number("topk", 40, (0, 4096)),
            seed: fields.number("draw", 1, (0, u32::MAX)),
        }
    }
}

fn data(fields: &Fields, seed: u32) -> DataChoice {
    match fields.word("model") {
        "gpt" => DataChoice::Text(if fields.word("tokenizer") == "bpe" {
            TokenizerChoice::Bpe { vocab_size: fields.number("vocab", 512, (257, 4096)) }
        } else {
            TokenizerChoice::Byte
        }),
        "mlp" | "cnn" | "residual" | "vit" | "autoencoder" => {
            DataChoice::Digits(fields.number("digits", 1, (0, u32::MAX)))
        }
        _ => {
            let toy = match fields.word("plane") {
                "spirals3" => Toy::ThreeSpirals,
                "moons" => Toy::Moons,
                "circles" => Toy::Circles,
                "blobs" => Toy::Blobs,
                "xor" => Toy::Xor,
                _ => Toy::Spiral,
            };
            let count = fields.number("points", 400, (16, 10_000));
            DataChoice::Plane(toy, count, fields.number("noise", 0.02, (0.0, 1.0)), seed)
        }
    }
}

fn step(fields: &Fields, seed: u32) -> StepSettings {
    let positive = |value: f32| (value > 0.0).then_some(value);
    let micro_batch_size = fields.number("batch", 32, (1, 512));
    let micro_batch_size = match data(fields, seed) {
        DataChoice::Plane(_, count, ..) => micro_batch_size.min(count),
        _ => micro_batch_size,
    };
    StepSettings {
        micro_batch_size,
        gradient_accumulation_steps: fields.number("accumulate", 1, (1, 64)),
        optimizer: match fields.word("optimizer") {
            "sgd" => OptimizerSpec::Sgd { momentum: 0.0, nesterov: false },
            "momentum" => OptimizerSpec::SGD,
            "nesterov" => OptimizerSpec::Sgd { momentum: 0.9, nesterov: true },
            "lion" => OptimizerSpec::Lion { beta1: 0.9, beta2: 0.99 },
            "adafactor" => OptimizerSpec::Adafactor { beta2: 0.999 },
            "muon" => OptimizerSpec::Muon { momentum: 0.95 },
            // Adam and AdamW differ in the weight decay alone.
            _ => OptimizerSpec::ADAM,
        },
        clip_norm: positive(fields.number("clip", 0.0, (0.0, 1e6))),
        weight_decay: fields.number("decay", 0.0, (0.0, 10.0)),
        decay_all: false,
        average_decay: positive(fields.number("ema", 0.0, (0.0, 0.999_99))),
        smoothing: fields.number("smoothing", 0.0, (0.0, 0.9)),
        dropout: fields.number("dropout", 0.0, (0.0, 0.9)),
        seed,
        mixed_precision: fields.is_on("f16"),
        recompute: fields.is_on("recompute"),
        ..StepSettings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{random::Stream, training::RecordedStep};

    #[test]
    fn values_come_out_of_the_address() {
        let fields = Fields::of("prompt=Caf%C3%A9%20%26%3D+au+lait&odd=%&half=%4&bad=%zz&none");
        assert_eq!(fields.word("prompt"), "Café &= au lait");
        assert_eq!([fields.word("odd"), fields.word("half"), fields.word("bad")], ["%", "%4", "%zz"]);
        assert_eq!(fields.word("none"), "");
    }

    #[test]
    fn what_is_asked_for_is_what_runs() {
        let settings = Settings::of(
            "model=gpt&width=96&layers=3&heads=6&kv=2&length=48&block=swiglu&tied=0&tokenizer=bpe&vocab=700&batch=4\
             &accumulate=3&optimizer=nesterov&rate=0.02&schedule=onecycle&warmup=7&steps=90&clip=1.5&ema=0.99&f16=1",
        );
        let Model::Gpt(gpt) = settings.model(700) else { unreachable!() };
        assert_eq!([gpt.hidden_size, gpt.num_hidden_layers, gpt.sequence_length], [96, 3, 48]);
        assert_eq!([gpt.num_attention_heads, gpt.num_key_value_heads, gpt.intermediate_size], [6, 2, 256]);
        assert!(!gpt.tie_word_embeddings);
        assert_eq!(settings.data, DataChoice::Text(TokenizerChoice::Bpe { vocab_size: 700 }));
        let step = settings.step;
        assert_eq!((step.micro_batch_size, step.gradient_accumulation_steps), (4, 3));
        assert_eq!(step.optimizer, OptimizerSpec::Sgd { momentum: 0.9, nesterov: true });
        assert_eq!((step.clip_norm, step.average_decay, step.mixed_precision), (Some(1.5), Some(0.99), true));
        let schedule = settings.schedule;
        assert_eq!((schedule.shape, schedule.warm_up_steps, schedule.total_steps), (Shape::OneCycle, 7, 90));
        assert!((schedule.peak - 0.02).abs() < 1e-12);
    }

    /// Sizes as small as they get, or one that is odd: any link gives a model whose sizes fit each other.
    #[test]
    fn any_link_gives_a_model_that_can_be_recorded() {
        const VALUES: [&str; 8] = ["0", "1", "3", "7", "13", "24", "-5", "NaN"];
        const WORDS: [&str; 7] = ["swiglu", "learned", "lion", "2", "14", "adafactor", "muon"];
        for index in 0..400_u32 {
            let stream = Stream::new(index, 1);
            let pick = |list: &[&str], at: u32| list[stream.bits(at) as usize % list.len()].to_owned();
            let models = ["toy", "mlp", "cnn", "residual", "vit", "autoencoder", "gpt", "zeppelin"];
            let mut query = format!("model={}", pick(&models, 0));
            for (at, key) in
                (1..).zip(["width", "layers", "heads", "kv", "length", "latent", "points", "batch"])
            {
                query += &format!("&{key}={}", pick(&VALUES, at));
            }
            for (at, key) in (20..).zip(["block", "positions", "optimizer", "patch", "plane"]) {
                query += &format!("&{key}={}", pick(&WORDS, at));
            }
            let settings = Settings::of(&query);
            let recorded = RecordedStep::record(&settings.model(300), &settings.step);
            assert!(recorded.is_ok(), "{query}: {:?}", recorded.err());
        }
    }
}
