use engine::{models::*, plan::Kernel, platform::now_seconds, training::*};
use pollster::block_on;
use std::{collections::BTreeMap, rc::Rc};
#[derive(Debug)]
struct E2(Model);
impl Examples for E2 {
    fn fill(&mut self, n: u64, b: usize, x: &mut Vec<u32>, y: &mut Vec<u32>) {
        let st = engine::random::Stream::new(1, n as u32 % 8);
        match &self.0 {
            Model::Gpt(g) => {
                for i in 0..b * g.sequence_length {
                    let t = st.bits(i as u32) % 96;
                    x.push(t);
                    y.push((7 * t + 3) % 96);
                }
            }
            _ => {
                for i in 0..b * 784 {
                    x.push(st.uniform(i as u32).to_bits());
                }
                for i in 0..b {
                    y.push(st.bits(i as u32) % 10);
                }
            }
        }
    }
    fn batches_per_epoch(&self, _: usize) -> u32 {
        8
    }
}
fn main() {
    let gpu = std::env::args().any(|a| a == "gpu");
    let place = if gpu {
        let d = Rc::new(block_on(engine::backends::gpu::GpuDevice::request()).unwrap().unwrap());
        Where::Gpu {
            device: d,
            kernels: engine::probe::KernelChoice { matmul: "", matmul_int8: shaders::KernelId::MatmulInt8 },
        }
    } else {
        Where::Cpu
    };
    let mlp = Model::Network(Network {
        layers: vec![
            Layer::Dense { inputs: 784, outputs: 256, relu: true },
            Layer::Dense { inputs: 256, outputs: 128, relu: true },
            Layer::Dense { inputs: 128, outputs: 10, relu: false },
        ],
    });
    let cnn = Model::Network(Network {
        layers: vec![
            Layer::Conv { inputs: 1, outputs: 16 },
            Layer::Conv { inputs: 16, outputs: 32 },
            Layer::Dense { inputs: 1568, outputs: 10, relu: false },
        ],
    });
    let gpt = Model::Gpt(Gpt {
        vocab_size: 96,
        sequence_length: 128,
        num_hidden_layers: 4,
        hidden_size: 128,
        intermediate_size: 512,
        num_attention_heads: 4,
        num_key_value_heads: 4,
        positions: Positions::Learned,
        activation: Activation::Gelu,
        norm: Norm::Layer,
        tie_word_embeddings: false,
        has_bias: true,
    });
    for (name, model, batch) in [("mlp", mlp, 128), ("cnn", cnn, 64), ("gpt", gpt, 8)] {
        let s = StepSettings { micro_batch_size: batch, ..Default::default() };
        let mut ses =
            block_on(Session::new(&model, s, Rc::new(|_| 1e-3), Box::new(E2(model.clone())), &place))
                .unwrap();
        if let Where::Gpu { device, .. } = &place {
            let n = block_on(device.tune(ses.plan(), 3.0)).unwrap();
            println!("tuned {n}");
            for c in device.tuning().choices.values() {
                println!("   {}", c.reason);
            }
            ses = block_on(Session::new(&model, s, Rc::new(|_| 1e-3), Box::new(E2(model.clone())), &place))
                .unwrap();
        }
        block_on(ses.advance(2)).unwrap();
        let t = now_seconds();
        let n = if gpu { 3 } else { 8 };
        block_on(ses.advance(n)).unwrap();
        let sec = (now_seconds() - t) / n as f64;
        println!(
            "{name}: {:.2} ms/step {:.1} steps/s, {:.2} GFLOP/s, calls {} arena {} MiB",
            sec * 1e3,
            1.0 / sec,
            ses.plan().flops() / sec / 1e9,
            ses.plan().calls.len(),
            ses.plan().bytes() >> 20
        );
        let calls = ses.plan().calls.clone();
        let mut by: BTreeMap<String, (f64, f64, usize)> = BTreeMap::new();
        let phases = ses.plan().phases.clone();
        for p in 0..2 {
            let secs = block_on(ses.executor().profile_phase(p)).unwrap();
            for (c, s) in calls[phases[p].clone()].iter().zip(secs) {
                let k = match &c.kernel {
                    Kernel::Product(p) => format!(
                        "product {}x{}x{} t{}{} s{} e{}",
                        p.m,
                        p.n,
                        p.k,
                        p.transpose_lhs as u8,
                        p.transpose_rhs as u8,
                        p.splits,
                        p.epilogue.is_some() as u8
                    ),
                    Kernel::Map { kernel, elements } => format!(
                        "map {} ins, {} in, {}",
                        kernel.program.instructions().len(),
                        kernel.accesses.len(),
                        elements
                    ),
                    k => k.name().to_string(),
                };
                let e = by.entry(k).or_default();
                e.0 += s;
                e.1 += c.flops;
                e.2 += 1;
            }
        }
        let mut v: Vec<_> = by.into_iter().collect();
        v.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
        for (k, (s, f, n)) in v.into_iter().take(22) {
            println!("   {k:50} x{n:3} {:8.3} ms {:7.2} GFLOP/s", s * 1e3, f / s / 1e9);
        }
    }
}
