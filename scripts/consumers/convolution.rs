//! A convolution of one's own, with its gradients, and what is compared: whether it is right on a case of a core.

use crate::json::Json;

/// Faults that it can be given, by their names in the catalogue; each along every axis, when reading.
pub const FAULTS: [&str; 4] = ["", "kernel-flipped", "dilation-ignored", "group-offset-wrong"];

#[derive(Clone, Copy, PartialEq, Default)]
pub struct Complex { re: f64, im: f64 }

impl Complex {
    fn times(self, other: Complex) -> Complex {
        Complex { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
    fn conj(self) -> Complex { Complex { re: self.re, im: -self.im } }
    fn add(&mut self, other: Complex) { self.re += other.re; self.im += other.im; }
}

/// An array of a case in C order; `arrays` has integers over 2^exponent, real and imaginary parts one by one.
pub fn array(case: &Json, name: &str) -> Vec<Complex> {
    let [operand, result] = ["operands", "results"].map(|kind| case.get(kind).get(name).get("exponent").int());
    let scale = 2f64.powi(operand.or(result).unwrap_or(0) as i32);
    let parts = if case.get("parameters").get("dtype").text() == "complex64" { 2 } else { 1 };
    let values = case.get("arrays").get(name).ints();
    let number = |part: &[i64]| Complex { re: part[0] as f64 * scale, im: part.get(1).map_or(0.0, |im| *im as f64 * scale) };
    values.chunks(parts).map(number).collect()
}

/// The place that a position reads; None in padding of zeros.
fn inside(at: i64, size: i64, mode: &str) -> Option<i64> {
    match mode {
        "replicate" => Some(at.clamp(0, size - 1)),
        "circular" => Some(at.rem_euclid(size)),
        "reflect" => { let f = at.rem_euclid((2 * (size - 1)).max(1)); Some(f.min((2 * (size - 1) - f).max(0))) }
        _ => (0..size).contains(&at).then_some(at),
    }
}

/// Position by position of a window and tap by tap: (place in the wide side, tap, window), all flat.
fn places(p: &Json, wide: &[i64], small: &[i64], fault: &str) -> Vec<(usize, usize, usize)> {
    let kernel = &p.get("weight_shape").ints()[2..];
    let (stride, dilation) = (p.get("stride").ints(), p.get("dilation").ints());
    let (windows, taps): (i64, i64) = (small.iter().product(), kernel.iter().product());
    let mut found = Vec::new();
    for (window, tap) in (0..windows).flat_map(|window| (0..taps).map(move |tap| (window, tap))) {
        let (mut place, mut unit, mut o, mut k) = (Some(0), 1, window, tap);
        for axis in (0..kernel.len()).rev() {
            let index = if fault == "kernel-flipped" { kernel[axis] - 1 - k % kernel[axis] } else { k % kernel[axis] };
            let step = if fault == "dilation-ignored" { 1 } else { dilation[axis] };
            let at = o % small[axis] * stride[axis] + index * step - p.get("pads").list()[axis].ints()[0];
            place = place.zip(inside(at, wide[axis], p.get("padding_mode").text())).map(|(sum, at)| sum + at * unit);
            (unit, o, k) = (unit * wide[axis], o / small[axis], k / kernel[axis]);
        }
        found.extend(place.map(|place| (place as usize, tap as usize, window as usize)));
    }
    found
}

/// y, dx, dw and db of a case.
pub fn answers(case: &Json, fault: &str) -> [(&'static str, Vec<Complex>); 4] {
    let p = case.get("parameters");
    let (w_shape, x_shape, groups) = (p.get("weight_shape").ints(), p.get("input_shape").ints(), p.get("groups").int().unwrap_or(1));
    let y_shape = case.get("results").get("y").get("shape").ints();
    let axes = w_shape.len() - 2;
    let transposed = *p.get("output_padding") != Json::Null;
    let (x, w, dy, b) = (array(case, "x"), array(case, "w"), array(case, "dy"), array(case, "b"));
    let channel_axis = x_shape.len() - axes - 1;
    let spatial = |shape: &[i64]| shape[channel_axis + 1..channel_axis + 1 + axes].to_vec();
    let (wide, small) = if transposed { (spatial(&y_shape), spatial(&x_shape)) } else { (spatial(&x_shape), spatial(&y_shape)) };
    let (wide_size, small_size) = (wide.iter().product::<i64>() as usize, small.iter().product::<i64>() as usize);
    let taps = w_shape[2..].iter().product::<i64>() as usize;
    let (rows, per) = (w_shape[0] as usize, w_shape[1] as usize);
    let batch = if channel_axis == 1 { x_shape[0] as usize } else { 1 };
    let outputs = y_shape[channel_axis] as usize;
    let positions = if transposed { wide_size } else { small_size };
    let zeros = |count: usize| vec![Complex::default(); count];
    let (mut y, mut dx, mut dw, mut db) = (zeros(batch * outputs * positions), zeros(x.len()), zeros(w.len()), zeros(outputs));
    for (place, value) in y.iter_mut().enumerate() {
        let channel = place / positions % outputs;
        if let Some(bias) = b.get(channel) { value.add(*bias); }
        db[channel].add(dy[place]);
    }
    let reads = places(p, &wide, &small, fault);
    for (n, m, c) in (0..batch).flat_map(|n| (0..rows).flat_map(move |m| (0..per).map(move |c| (n, m, c)))) {
        let group = if fault == "group-offset-wrong" { 0 } else { m / (rows / groups as usize) };
        for &(at, tap, window) in &reads {
            let in_wide = ((n * groups as usize + group) * per + c) * wide_size + at;
            let (in_small, k) = ((n * rows + m) * small_size + window, (m * per + c) * taps + tap);
            let (from, to) = if transposed { (in_small, in_wide) } else { (in_wide, in_small) };
            y[to].add(w[k].times(x[from]));
            dx[from].add(w[k].conj().times(dy[to]));
            dw[k].add(x[from].conj().times(dy[to]));
        }
    }
    [("y", y), ("dx", dx), ("dw", dw), ("db", db)]
}

/// With a fault: (results that were compared, those that are wrong, what is not as it is flagged).
pub fn compared<'a>(cases: impl Iterator<Item = &'a Json>, fault: &str) -> (usize, usize, Vec<String>) {
    let (mut count, mut wrong, mut surprises) = (0, 0, Vec::new());
    for case in cases {
        for (name, answer) in answers(case, fault) {
            let differs = answer != array(case, name);
            let flagged = case.get("flags").get(name).get(fault).text().starts_with('1');
            count += 1;
            wrong += usize::from(differs);
            if differs != flagged {
                let said = if differs { "wrong" } else { "right" };
                surprises.push(format!("{}: {} of {} is {said}", if fault.is_empty() { "right" } else { fault }, name, case.get("id").text()));
            }
        }
    }
    (count, wrong, surprises)
}
