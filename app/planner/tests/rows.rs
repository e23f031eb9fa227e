//! Tables of runs: one line of answer a row, whatever the row holds.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use planner::calibration::serving;
use planner::catalog::Catalog;
use planner::rows::{answer, csv};
use planner::training::TrainingModel;

const TRAINING: &str = include_str!("../validation/training.csv");
const INFERENCE: &str = include_str!("../validation/inference.csv");

/// The table with the named cells of every row replaced.
fn changed(text: &str, column: &str, value: &str, rows: usize) -> String {
    let table = csv::read(text).unwrap();
    let names: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let mut out = names.join(",") + "\n";
    for row in table.iter().take(rows) {
        let cells: Vec<String> = names
            .iter()
            .map(|name| csv::quoted(if *name == column { value } else { row.text(name) }))
            .collect();
        out += &(cells.join(",") + "\n");
    }
    out
}

#[test]
fn measured_values_are_never_read() {
    let catalog = Catalog::builtin();
    let model = TrainingModel::builtin(catalog).unwrap();
    let with = answer::write(&answer::training(&csv::read(TRAINING).unwrap(), &model, catalog));
    let mut text = TRAINING.to_owned();
    for column in ["value", "value2", "mem_gib"] {
        text = changed(&text, column, "", usize::MAX);
    }
    let without = answer::write(&answer::training(&csv::read(&text).unwrap(), &model, catalog));
    assert_eq!(with, without);
    let model = serving::builtin(catalog).unwrap();
    let with = answer::write(&answer::serving(&csv::read(INFERENCE).unwrap(), &model, catalog));
    let text = changed(&changed(INFERENCE, "value", "", usize::MAX), "value2", "", usize::MAX);
    let without = answer::write(&answer::serving(&csv::read(&text).unwrap(), &model, catalog));
    assert_eq!(with, without);
}

#[test]
fn every_hostile_cell_gets_an_answer_or_a_reason() {
    let catalog = Catalog::builtin();
    let training = TrainingModel::builtin(catalog).unwrap();
    let serving = serving::builtin(catalog).unwrap();
    let hostile = [
        "NaN",
        "-1",
        "0",
        "1e400",
        "inf",
        "99999999999999999999",
        "; DROP TABLE",
        "\u{202e}x",
        "1.5",
        "8 8",
        "\"",
        "",
    ];
    for (text, is_training) in [(TRAINING, true), (INFERENCE, false)] {
        for column in text.lines().next().unwrap().split(',') {
            for value in hostile {
                let table = csv::read(&changed(text, column, value, 12)).unwrap();
                let answers = if is_training {
                    answer::training(&table, &training, catalog)
                } else {
                    answer::serving(&table, &serving, catalog)
                };
                assert_eq!(answers.len(), 12, "{column} = {value}");
                for line in answers {
                    let finite = line.first.is_some_and(|r| {
                        r.value.is_finite()
                            && 0.0 < r.low
                            && r.low <= r.value
                            && r.value <= r.high
                            && r.high.is_finite()
                    });
                    assert!(finite || !line.error.is_empty(), "{column} = {value}: {line:?}");
                }
            }
        }
    }
}

#[test]
fn reasons_name_field_and_range() {
    let catalog = Catalog::builtin();
    let model = TrainingModel::builtin(catalog).unwrap();
    for (column, value, needles) in [
        ("tp", "4096", ["tp", "allowed"]),
        ("n_accel", "-8", ["n_accel", "allowed"]),
        ("accelerator", "H9000", ["accelerator", "catalog"]),
        ("seq", "NaN", ["seq", "allowed"]),
        ("metric", "furlongs", ["metric", "allowed"]),
    ] {
        let table = csv::read(&changed(TRAINING, column, value, 3)).unwrap();
        for line in answer::training(&table, &model, catalog) {
            assert!(needles.iter().all(|needle| line.error.contains(needle)), "{column}: {}", line.error);
        }
    }
}

#[test]
fn every_answer_is_the_committed_one_to_the_bit() {
    // The planner's journey asks the browser for the same. After a new fit: planner digest > calibration/digest.txt
    let committed = include_str!("../calibration/digest.txt").trim();
    assert_eq!(answer::carried_digest(Catalog::builtin()).unwrap(), committed);
}

#[test]
fn a_digest_sees_the_last_bit() {
    let one = |value: f64| {
        let first = Some(answer::Ranged { value, low: 0.5, high: 2.0 });
        answer::digest([&answer::Answer { first, ..answer::Answer::default() }])
    };
    assert_ne!(one(1.0), one(1.0 + f64::EPSILON));
}
