//! The next token from logits: temperature, the k most probable, and a uniform number that decides.

use super::argmax_index;

/// Draws a token from a row of logits. `temperature` divides the logits (0 or less takes the largest), `top_k` leaves
/// only so many of the largest (0 leaves all), `uniform` in [0, 1) decides; among equal logits the earlier token comes
/// first. Logits that are not numbers are never drawn unless there are no others.
#[must_use]
pub fn next_token(logits: &[f32], temperature: f32, top_k: usize, uniform: f32) -> u32 {
    let best = argmax_index(logits);
    if temperature.is_nan() || temperature <= 0.0 {
        return best as u32;
    }
    let mut order: Vec<usize> = (0..logits.len()).collect();
    let value = |index: usize| {
        logits.get(index).copied().filter(|logit| !logit.is_nan()).unwrap_or(f32::NEG_INFINITY)
    };
    order.sort_by(|a, b| value(*b).total_cmp(&value(*a)).then(a.cmp(b)));
    order.truncate(if top_k == 0 { logits.len() } else { top_k });
    let most = order.first().map_or(0.0, |index| value(*index));
    let weights: Vec<f64> =
        order.iter().map(|index| f64::from((value(*index) - most) / temperature).exp()).collect();
    let mut left = f64::from(uniform.clamp(0.0, 1.0)) * weights.iter().sum::<f64>();
    for (index, weight) in order.iter().zip(&weights) {
        if left < *weight {
            return *index as u32;
        }
        left -= weight;
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 4] = [0.0, 2.0, 1.0, f32::NAN];

    #[test]
    fn shares_follow_the_softmax_of_the_logits_over_the_temperature() {
        let mut counts = [0_u32; 4];
        for index in 0..10_000 {
            counts[next_token(&LOGITS, 0.5, 0, index as f32 / 10_000.0) as usize] += 1;
        }
        let powers = [0.0_f64, 2.0, 1.0].map(|logit| (2.0 * logit).exp());
        for (count, power) in counts.iter().zip(powers) {
            let expected = 10_000.0 * power / powers.iter().sum::<f64>();
            assert!((f64::from(*count) - expected).abs() < 2.0, "{counts:?}");
        }
        assert_eq!(counts[3], 0);
    }

    #[test]
    fn few_candidates_and_no_heat() {
        assert!((0..100).all(|index| next_token(&LOGITS, 1e3, 2, index as f32 / 100.0) != 0));
        for (temperature, top_k) in [(0.0, 0), (-1.0, 0), (f32::NAN, 3), (1e3, 1)] {
            assert_eq!(next_token(&LOGITS, temperature, top_k, 0.999), 1);
        }
        assert_eq!(next_token(&[], 1.0, 0, 0.5), 0);
        assert!(next_token(&[f32::NAN, f32::NAN], 1.0, 0, 0.9) < 2);
    }
}
