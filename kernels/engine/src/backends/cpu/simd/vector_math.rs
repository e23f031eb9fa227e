//! Placeholder until merged.
pub fn exp(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = value.exp());
}
pub fn tanh(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = value.tanh());
}
pub fn sigmoid(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = 1.0 / (1.0 + (-*value).exp()));
}
pub fn ln(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = value.ln());
}
