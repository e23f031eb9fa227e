//! scratch
use planner::calibration::training::*;
use planner::catalog::Catalog;
fn main() {
    let (obs, _) = observations(&carried().unwrap(), Catalog::builtin());
    let n = calibrate(&obs, 1.12).unwrap();
    std::fs::write("app/planner/calibration/training.csv", n.write()).unwrap();
}
