//! What can be asked.

use planner::accuracy;
use planner::catalog::Catalog;
use planner::rows::answer::carried_digest;
use planner::scenario::Scenario;
use planner::search::{Goal, PlanOptions, PlanReport, plan};
use planner::share;
use planner::training::TrainingModel;
use planner::workbench::{Page, Workbench};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::cell::OnceCell;
use wasm_bindgen::JsValue;

thread_local! {
    static MODEL: OnceCell<Result<TrainingModel, String>> = const { OnceCell::new() };
}

fn with_model<T>(act: impl FnOnce(&TrainingModel) -> Result<T, String>) -> Result<T, String> {
    MODEL.with(|model| match model.get_or_init(|| TrainingModel::builtin(Catalog::builtin())) {
        Ok(model) => act(model),
        Err(error) => Err(error.clone()),
    })
}

fn read<T: DeserializeOwned>(content: JsValue) -> Result<T, String> {
    serde_wasm_bindgen::from_value(content).map_err(|error| {
        format!("The question could not be read ({error}). Nothing was computed. Reload the page.")
    })
}

fn write<T: Serialize>(value: &T) -> Result<JsValue, String> {
    value.serialize(&serde_wasm_bindgen::Serializer::json_compatible()).map_err(|error| error.to_string())
}

/// A search, as the page asks for it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PlanQuestion {
    scenario: Scenario,
    accelerators: Vec<String>,
    counts: Vec<u32>,
    deadline_seconds: Option<f64>,
    budget_usd: Option<f64>,
    top: Option<u32>,
}

/// How far a search is.
#[derive(Debug, Serialize)]
struct Progress {
    share: f64,
    /// Figures of the front so far: seconds, USD, joules, bytes.
    front: Vec<[f64; 4]>,
}

/// Answers a question; `progress` may be called before.
pub fn answer(kind: &str, content: JsValue, progress: &mut dyn FnMut(&JsValue)) -> Result<JsValue, String> {
    match kind {
        "evaluate" => with_model(|model| {
            let scenario: Scenario = read(content)?;
            write(
                &planner::evaluate(&scenario, Catalog::builtin(), model)
                    .map_err(|error| error.to_string())?,
            )
        }),
        "plan" => with_model(|model| planned(&read(content)?, model, progress)),
        "catalog" => write(&catalog()),
        "digest" => carried_digest(Catalog::builtin()).map(|digest| JsValue::from_str(&digest)),
        "link" => {
            let scenario: Scenario = read(content)?;
            let workbench = Workbench { page: Page::Scenario, scenario, ..Workbench::default() }.sanitised();
            Ok(JsValue::from_str(&share::encode(&workbench)))
        }
        "accuracy" => {
            let report = accuracy::report(&mut |share| progress(&JsValue::from_f64(share)))?;
            write(&report)
        }
        other => Err(format!("The worker has no answer to \"{other}\". Reload the page to get both anew.")),
    }
}

/// An id with its name.
#[derive(Debug, Serialize)]
struct Named {
    id: &'static str,
    name: &'static str,
}

/// What can be chosen.
#[derive(Debug, Serialize)]
struct Choices {
    models: Vec<Named>,
    accelerators: Vec<Named>,
    interconnects: Vec<Named>,
}

fn catalog() -> Choices {
    let catalog = Catalog::builtin();
    Choices {
        models: catalog.models().iter().map(|model| Named { id: model.id, name: model.name }).collect(),
        accelerators: catalog.accelerators().iter().map(|one| Named { id: one.id, name: one.name }).collect(),
        interconnects: catalog
            .interconnects()
            .iter()
            .map(|one| Named { id: one.id, name: one.name })
            .collect(),
    }
}

/// A whole search of 5,000 layouts takes tens of milliseconds: the page hears of every hundredth split.
const SPLITS_BETWEEN_WORDS: u32 = 100;

fn planned(
    question: &PlanQuestion,
    model: &TrainingModel,
    progress: &mut dyn FnMut(&JsValue),
) -> Result<JsValue, String> {
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite() && *value > 0.0);
    let options = PlanOptions {
        accelerators: question.accelerators.iter().take(64).cloned().collect(),
        counts: question.counts.iter().copied().take(64).collect(),
        goal: Goal { deadline: finite(question.deadline_seconds), budget: finite(question.budget_usd) },
        top: question.top.unwrap_or(10).clamp(1, 200) as usize,
    };
    let mut splits = 0_u32;
    let found = plan(&question.scenario, &options, Catalog::builtin(), model, &mut |share, found| {
        splits += 1;
        if splits.is_multiple_of(SPLITS_BETWEEN_WORDS) {
            let front = found.front.candidates.iter().map(planner::search::Candidate::figures).collect();
            if let Ok(word) = write(&Progress { share, front }) {
                progress(&word);
            }
        }
        true
    })
    .map_err(|error| error.to_string())?;
    write(&PlanReport::of(&found))
}
