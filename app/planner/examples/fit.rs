//! scratch
use planner::calibration::training::*;
use planner::catalog::Catalog;
fn main() {
    let (obs, _) = observations(&carried().unwrap(), Catalog::builtin());
    let base = planner::training::TrainingModel::builtin(Catalog::builtin()).unwrap();
    let n = numbers_of(&obs, &base.parameters, &base.time.kernel).unwrap();
    println!("{:?} {}", n.one("memory", "margin"), n.of("memory_weight").count());
    std::fs::write("/tmp/training.csv", n.write()).unwrap();
}
