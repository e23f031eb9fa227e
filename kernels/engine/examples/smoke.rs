//! scratch
use engine::{backends::gpu::GpuDevice, datasets::*, probe, random::Stream, training::*};
use planner::experiment::*;
use std::rc::Rc;
fn data(n: usize, seed: u32) -> Split {
    let s = Stream::new(seed, 1);
    let mut pixels = vec![];
    let mut labels = vec![];
    for i in 0..n {
        let l = (i % 10) as u8;
        labels.push(l);
        for p in 0..784u32 {
            let (y, x) = (p / 28, p % 28);
            let on = (x / 3 + y / 4) % 10 == u32::from(l);
            let r = s.uniform(i as u32 * 784 + p);
            pixels.push(if on { 200 } else { 0 } + (r * 50.0) as u8);
        }
    }
    Split { pixels, labels }
}
fn main() {
    pollster::block_on(async {
        let d =
            Rc::new(Dataset { name: "x".into(), train: data(640, 1), held_out: data(200, 2), notes: vec![] });
        let dev = GpuDevice::request().await.unwrap().map(Rc::new);
        let mut places = vec![Where::Cpu];
        if let Some(dev) = dev {
            println!(
                "GPU adapter: {} {:?} sw={} dot={} f16={}",
                dev.info.name,
                dev.info.driver_info,
                dev.is_software(),
                dev.has_packed_int8_dot,
                dev.has_f16
            );
            let t = engine::platform::now_seconds();
            println!("{:?} {:.2}s", probe::self_test(&dev).await, engine::platform::now_seconds() - t);
            let (kernels, s) = probe::choose_kernels(&dev).await.unwrap();
            println!("{kernels:?} {s}");
            places.push(Where::Gpu { device: dev, kernels });
        }
        for model in [ModelKind::Cnn, ModelKind::Mlp] {
            for optimizer in [Optimizer::Adam, Optimizer::Sgd] {
                for place in &places {
                    let e = Experiment {
                        epochs: 3,
                        model,
                        optimizer,
                        width: if model == ModelKind::Mlp { 64 } else { 8 },
                        learning_rate: if optimizer == Optimizer::Sgd { 0.02 } else { 0.002 },
                        ..Default::default()
                    };
                    let mut t = Trainer::new(e, d.clone(), place).await.unwrap();
                    let begin = engine::platform::now_seconds();
                    while t.step() < t.total_steps() {
                        if let Err(x) = t.advance(5).await {
                            println!("{x}");
                            return;
                        }
                    }
                    let el = engine::platform::now_seconds() - begin;
                    let p = t.points();
                    println!(
                        "{:?} {:?} {} calls {} KB arena {:.1} MFLOP {:.1} steps/s: {:?} .. {:?} {}",
                        model,
                        optimizer,
                        t.plan().calls.len(),
                        t.plan().bytes() / 1024,
                        t.plan().flops() / 1e6,
                        p.len() as f64 / el,
                        p[0].loss,
                        p.last().unwrap(),
                        loss_digest(p)
                    );
                    let w = t.weights().await.unwrap();
                    let ranges =
                        engine::quantisation::calibrate(t.network(), &w, &d.train.pixels[..784 * 128])
                            .await
                            .unwrap();
                    let q = engine::quantisation::QuantizedNetwork::quantize(t.network(), &w, &ranges);
                    let mut c = Classifier::float32(t.network(), &w, 64, place).await.unwrap();
                    let h = HeldOut::of(&c.logits(&d.held_out.pixels).await.unwrap(), &d.held_out);
                    let mut c8 = Classifier::int8(&q, 64, place).await.unwrap();
                    let h8 = HeldOut::of(&c8.logits(&d.held_out.pixels).await.unwrap(), &d.held_out);
                    println!(
                        "  held out {} int8 {} bytes {}/{} loss {} {}",
                        h.accuracy,
                        h8.accuracy,
                        q.weight_bytes(),
                        t.network().parameter_count() * 4,
                        h.loss,
                        h8.loss
                    );
                }
            }
        }
        println!("{:#?}", probe::measure_cpu(&mut |_, _| {}).await);
    })
}
