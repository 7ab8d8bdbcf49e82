//! A convolution of one's own passes on every core, and broken ones fail exactly where they are flagged.

use conv_oracle_vectors::{core, json, CORES};

#[path = "common/convolution.rs"]
mod convolution;

#[test]
fn the_right_one_passes_and_broken_ones_fail_as_flagged() {
    let cases: Vec<json::Json> = CORES.iter().flat_map(|(name, _)| core(name).unwrap()).collect();
    for fault in convolution::FAULTS {
        let (count, wrong, surprises) = convolution::compared(cases.iter(), fault);
        assert_eq!(count, 4 * cases.len());
        assert_eq!(wrong == 0, fault.is_empty(), "{fault}");
        assert!(surprises.is_empty(), "{surprises:?}");
    }
}

#[test]
fn an_operation_that_is_none_has_no_core() {
    assert!(core("conv4d").is_none());
}
