//! The page's state: one plain [`Workbench`] that the link holds, with history, autosave and notices around it.
//!
//! Effects here touch only the outside (address bar, storage); everything else in the page derives from signals.

mod address;
pub use address::storage as address_storage;
mod history;

use history::History;
use leptos::prelude::*;
use planner::{
    share,
    workbench::{Page, Workbench},
};
use protocol::{DeviceReport, TrainingSummary};

/// Ties this page to the worker that was built with it.
pub const BUILD_ID: &str = match option_env!("RIDGEPOINT_BUILD_ID") {
    Some(id) => id,
    None => "dev",
};

/// How a notice is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something worth knowing.
    Info,
    /// Something went wrong.
    Problem,
}

/// A dismissable line under the header, read out by screen readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Identity, for dismissal.
    pub id: u32,
    /// How it is meant.
    pub kind: NoticeKind,
    /// The words.
    pub text: String,
}

/// All shared state of the page. A handful of signals: cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Store {
    /// The visitor's truth: what the link holds.
    pub workbench: RwSignal<Workbench>,
    /// Notices in view.
    pub notices: RwSignal<Vec<Notice>>,
    /// What the Device page measured.
    pub device_report: RwSignal<Option<DeviceReport>>,
    /// The last training run's results.
    pub last_training: RwSignal<Option<TrainingSummary>>,
    /// The address bar holds a link that could not be opened; it is left alone until the visitor edits.
    link_is_broken: RwSignal<bool>,
    history: RwSignal<History>,
    next_notice: StoredValue<u32>,
}

impl Store {
    /// Reads the address bar, else the autosave, and starts listening. Called once.
    pub fn start() -> Self {
        let store = Self {
            workbench: RwSignal::new(Workbench::default()),
            notices: RwSignal::new(vec![]),
            device_report: RwSignal::new(None),
            last_training: RwSignal::new(None),
            link_is_broken: RwSignal::new(false),
            history: RwSignal::new(History::default()),
            next_notice: StoredValue::new(0),
        };
        provide_context(store);
        address::start(store);
        store
    }

    /// The store of this page.
    pub fn expect() -> Self {
        use_context().unwrap_or_else(Self::start)
    }

    /// A live change, as while typing: changes in quick succession are one undo step.
    pub fn edit(self, change: impl FnOnce(&mut Workbench)) {
        self.change(change, true);
    }

    /// A committed change: an undo step of its own.
    pub fn commit(self, change: impl FnOnce(&mut Workbench)) {
        self.change(change, false);
    }

    fn change(self, change: impl FnOnce(&mut Workbench), may_join: bool) {
        let before = self.workbench.get_untracked();
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return;
        }
        self.link_is_broken.set(false);
        self.history.update(|history| history.record(before, may_join, address::now()));
        self.workbench.set(after);
    }

    /// Opens another page: a new entry in the browser's history, no undo step.
    pub fn go(self, page: Page) {
        if self.workbench.with_untracked(|workbench| workbench.page) != page {
            address::write_now(self);
            self.workbench.update(|workbench| workbench.page = page);
            address::push(self);
        }
    }

    /// Opens a whole state (a preset, an imported file), as one undo step and one history entry.
    pub fn open(self, workbench: Workbench) {
        address::write_now(self);
        self.commit(|current| *current = workbench);
        address::push(self);
    }

    /// Takes the last change back. The open page stays.
    pub fn undo(self) {
        self.travel(History::undo);
    }

    /// Makes the last change again.
    pub fn redo(self) {
        self.travel(History::redo);
    }

    fn travel(self, direction: impl FnOnce(&mut History, Workbench) -> Option<Workbench>) {
        let current = self.workbench.get_untracked();
        let page = current.page;
        let found = self.history.try_update(|history| direction(history, current)).flatten();
        if let Some(mut found) = found {
            found.page = page;
            self.link_is_broken.set(false);
            self.workbench.set(found);
        }
    }

    /// Whether there is something to undo.
    pub fn can_undo(self) -> bool {
        self.history.with(History::can_undo)
    }

    /// Whether there is something to redo.
    pub fn can_redo(self) -> bool {
        self.history.with(History::can_redo)
    }

    /// Shows a notice.
    pub fn notify(self, kind: NoticeKind, text: impl Into<String>) {
        let id = self.next_notice.try_update_value(|next| {
            *next += 1;
            *next
        });
        let notice = Notice { id: id.unwrap_or_default(), kind, text: text.into() };
        self.notices.update(|notices| {
            notices.retain(|old| old.text != notice.text);
            notices.push(notice);
            // The oldest goes: nobody reads more than a few.
            if notices.len() > 4 {
                notices.remove(0);
            }
        });
    }

    /// Takes a notice away.
    pub fn dismiss(self, id: u32) {
        self.notices.update(|notices| notices.retain(|notice| notice.id != id));
    }

    /// The link to this very state.
    pub fn link(self) -> String {
        address::link_of(&share::encode(&self.workbench.get()))
    }

    /// Back to the defaults, as one undo step.
    pub fn start_fresh(self) {
        self.commit(|workbench| *workbench = Workbench { page: workbench.page, ..Workbench::default() });
    }
}
