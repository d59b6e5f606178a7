//! δ of a sampled Gaussian by another method than the accountant's: the characteristic function of the loss, integrated over
//! outcomes and inverted (Gil-Pelaez, 1951). No grid of losses, no FFT, nothing shared; exact to about 1e-10 · e^ε, not a bound.

use std::f64::consts::PI;

const OUTCOMES: usize = 1_600;
const FREQUENCIES: usize = 1_500;

/// A complex number by length and angle.
type Polar = (f64, f64);

/// δ(ε) of the worse neighbour.
pub(crate) fn delta(noise: f64, rate: f64, steps: f64, epsilon: f64) -> f64 {
    one_way(noise, rate, steps, epsilon, true).max(one_way(noise, rate, steps, epsilon, false))
}

fn one_way(noise: f64, rate: f64, steps: f64, epsilon: f64, remove: bool) -> f64 {
    // Loss, P's and Q's probability of each outcome.
    let low = -11.0 * noise;
    let width = (1.0 - 2.0 * low) / OUTCOMES as f64;
    let outcomes: Vec<(f64, f64, f64)> = (0..=OUTCOMES)
        .map(|place| {
            let x = low + place as f64 * width;
            let normal = |x: f64| (-x * x / (2.0 * noise * noise)).exp() / (noise * (2.0 * PI).sqrt()) * width;
            let mixture = (1.0 - rate) * normal(x) + rate * normal(x - 1.0);
            let exponent = (2.0 * x - 1.0) / (2.0 * noise * noise);
            let loss = if rate < 1.0 { (rate * exponent.exp_m1()).ln_1p() } else { exponent };
            if remove { (loss, mixture, normal(x)) } else { (-loss, normal(x), mixture) }
        })
        .collect();
    let at = |frequency: f64| -> (Polar, Polar) {
        let (mut p, mut q) = ((0.0, 0.0), (0.0, 0.0));
        for (loss, in_p, in_q) in &outcomes {
            let (sine, cosine) = (frequency * loss).sin_cos();
            (p.0, p.1) = (p.0 + in_p * cosine, p.1 + in_p * sine);
            (q.0, q.1) = (q.0 + in_q * cosine, q.1 + in_q * sine);
        }
        let polar = |(re, im): (f64, f64)| (re.hypot(im).powf(steps), im.atan2(re) * steps);
        (polar(p), polar(q))
    };
    let mean: f64 = outcomes.iter().map(|(loss, p, _)| p * loss).sum();
    let variance: f64 = outcomes.iter().map(|(loss, p, _)| p * (loss - mean) * (loss - mean)).sum();
    let mut most = 1.0 / (steps * variance).sqrt();
    while at(most).0.0 > 1e-16 {
        most *= 1.3;
    }
    let step = most / FREQUENCIES as f64;
    let (mut above_p, mut above_q) = (0.5, 0.5);
    for place in 0..FREQUENCIES {
        let frequency = (place as f64 + 0.5) * step;
        let (p, q) = at(frequency);
        let part = |(length, angle): Polar| length * (angle - frequency * epsilon).sin() / frequency * step / PI;
        above_p += part(p);
        above_q += part(q);
    }
    above_p - epsilon.exp() * above_q
}
