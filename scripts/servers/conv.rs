//! A convolution in Rust, asked by conv-oracle.
//! rustc -O --edition 2021 conv.rs && conv-oracle audit --command ./conv --op conv2d
use std::io::{BufRead, Read, Write};

/// The numbers behind a key of the line: none for null, and where there is no such key.
fn numbers(line: &str, key: &str) -> Vec<i64> {
    let Some((_, rest)) = line.split_once(&format!("\"{key}\":")) else { return vec![] };
    let rest = rest.trim_start_matches([' ', '[']);
    let end = rest.find(|c: char| !(c.is_ascii_digit() || " ,-".contains(c))).unwrap_or(rest.len());
    rest[..end].split(',').filter_map(|word| word.trim().parse().ok()).collect()
}

/// The same on three axes: those that are not there come first.
fn three(found: &[i64], otherwise: i64) -> [i64; 3] {
    std::array::from_fn(|axis| if axis + found.len() < 3 { otherwise } else { found[axis + found.len() - 3] })
}

/// y[n, m, o] = b[m] + sum over c, k of x[n, c, o * stride + k * dilation - padding] * w[m, c, k]
fn convolved(line: &str, data: &[f64]) -> Result<(Vec<i64>, Vec<f64>), &'static str> {
    let (x, w, b) = (numbers(line, "input"), numbers(line, "weight"), numbers(line, "bias"));
    let (kernel, image) = (three(&w[2..], 1), three(&x[2..], 1));
    let (stride, padding) = (three(&numbers(line, "stride"), 1), three(&numbers(line, "padding"), 0));
    let (dilation, groups) = (three(&numbers(line, "dilation"), 1), numbers(line, "groups")[0]);
    let (m_all, c_all) = (w[0], w[1]);
    if groups < 1 || m_all % groups != 0 || x[1] != c_all * groups || (b != [m_all] && !b.is_empty()) {
        return Err("the groups or channels do not fit");
    }
    let mut sizes = [1; 3];
    for a in 0..3 {
        let room = image[a] + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1;
        if stride[a] < 1 || padding[a] < 0 || dilation[a] < 1 || kernel[a] < 1 || room < 0 {
            return Err("a parameter is invalid, or the kernel is longer than the padded input");
        }
        sizes[a] = room / stride[a] + 1;
    }
    let (inputs, rest) = data.split_at(x.iter().product::<i64>() as usize);
    let (weights, biases) = rest.split_at(w.iter().product::<i64>() as usize);
    let (inner, of_kernel, mut y) = (sizes.iter().product::<i64>(), kernel.iter().product::<i64>(), vec![]);
    for to in 0..x[0] * m_all * inner {
        let (n, m) = (to / inner / m_all, to / inner % m_all);
        let mut sum = biases.get(m as usize).copied().unwrap_or(0.0);
        for of in 0..c_all * of_kernel {
            let (mut o, mut k, mut at, mut step, mut inside) = (to % inner, of % of_kernel, 0, 1, true);
            for a in (0..3).rev() {
                let i = o % sizes[a] * stride[a] + k % kernel[a] * dilation[a] - padding[a];
                inside &= 0 <= i && i < image[a];
                (o, k, at, step) = (o / sizes[a], k / kernel[a], at + i * step, step * image[a]);
            }
            if inside {
                let channel = n * x[1] + m / (m_all / groups) * c_all + of / of_kernel;
                sum += inputs[(channel * step + at) as usize] * weights[(m * c_all * of_kernel + of) as usize];
            }
        }
        y.push(sum);
    }
    Ok(([&[x[0], m_all], &sizes[5 - x.len()..]].concat(), y))
}

fn main() -> std::io::Result<()> {
    let (mut input, mut output, mut line) = (std::io::stdin().lock(), std::io::stdout().lock(), String::new());
    while { line.clear(); input.read_line(&mut line)? > 0 } {
        let mut data = vec![0; numbers(&line, "bytes").first().map_or(0, |bytes| *bytes as usize)];
        input.read_exact(&mut data)?;
        if line.contains("\"protocol\"") {
            let operations = ["conv1d", "conv2d", "conv3d"];
            writeln!(output, r#"{{"protocol": 1, "operations": {operations:?}, "dtypes": ["float64"]}}"#)?;
        } else {
            let operands: Vec<f64> = data.chunks(8).map(|one| f64::from_le_bytes(one.try_into().unwrap())).collect();
            match convolved(&line, &operands) {
                Err(why) => writeln!(output, r#"{{"error": "{why}"}}"#)?,
                Ok((shape, y)) => {
                    writeln!(output, r#"{{"dtype": "float64", "shape": {shape:?}, "bytes": {}}}"#, 8 * y.len())?;
                    output.write_all(&y.iter().flat_map(|one| one.to_le_bytes()).collect::<Vec<u8>>())?;
                }
            }
        }
        output.flush()?;
    }
    Ok(())
}
