//! Golden vectors for convolution: the cores, a few cases per operation that show every way of every catalogued fault.
//!
//! `README.md` describes them. The values are integers over 2^exponent, in `arrays` of each case.

mod data;
pub mod json;

pub use data::{CORES, VERSION};

/// The cases of the core of an operation, such as "conv2d" or "conv_transpose1d"; None where there is no such core.
pub fn core(operation: &str) -> Option<Vec<json::Json>> {
    let (_, text) = CORES.iter().find(|(name, _)| *name == operation)?;
    let manifest = json::Json::parse(text).expect("the files of this crate are as they were written");
    Some(manifest.get("cases").list().to_vec())
}
