//! The ring between workers: a message port to the next rank and one from the rank before, with a simulated link.
//!
//! The sender says when a message is due over the link; the receiver holds it back until then. Both read the wall
//! clock, and no message is held longer than its link takes from the moment it came, should their clocks differ.

use engine::{
    platform::yield_now,
    training::parallel::{Channel, Held, Link, RingMessage, RingPhase},
};
use js_sys::{Array, ArrayBuffer, Float32Array, Function, Promise};
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{MessageEvent, MessagePort, WorkerGlobalScope};

/// Timers are late by up to a millisecond or two: so long before a message is due, looking takes the timer's place.
const LOOKING_SECONDS: f64 = 2e-3;
/// Longest wait without a sign of life.
const LONGEST_WAIT_SECONDS: f64 = 0.25;

#[derive(Debug, Default)]
struct Inbox {
    held: Held,
    wake: Option<Function>,
}

/// Both neighbours.
#[derive(Debug)]
pub struct Port {
    next: MessagePort,
    previous: MessagePort,
    link: Link,
    inbox: Rc<RefCell<Inbox>>,
    /// A message that the browser refused to send.
    pub failure: Option<String>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

fn scope() -> Option<WorkerGlobalScope> {
    js_sys::global().dyn_into().ok()
}

/// Seconds since 1970: the one clock that workers share.
fn wall_seconds() -> f64 {
    let clock = scope().and_then(|scope| scope.performance());
    clock.map_or_else(|| js_sys::Date::now() / 1e3, |clock| (clock.time_origin() + clock.now()) / 1e3)
}

impl Port {
    /// Listens to the rank before; `link` is the one to the next.
    pub fn open(next: MessagePort, previous: MessagePort, link: Link) -> Self {
        let inbox = Rc::<RefCell<Inbox>>::default();
        let into = Rc::clone(&inbox);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let Some((due, message)) = read(&event) else { return };
            let mut inbox = into.borrow_mut();
            inbox.held.push(due, message);
            if let Some(wake) = inbox.wake.take() {
                let _ = wake.call0(&JsValue::UNDEFINED);
            }
        });
        previous.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Self { next, previous, link, inbox, failure: None, _on_message: on_message }
    }

    /// Waits until a message may be there, or a quarter of a second.
    pub async fn wait(&self) {
        let due = self.inbox.borrow().held.next_due();
        let left = due.map_or(LONGEST_WAIT_SECONDS + LOOKING_SECONDS, |due| due - wall_seconds());
        if left > LOOKING_SECONDS {
            self.pause((left - LOOKING_SECONDS).min(LONGEST_WAIT_SECONDS)).await;
        }
        // Between timers, since browsers slow timers down that follow one another.
        yield_now().await;
    }

    async fn pause(&self, seconds: f64) {
        let promise = Promise::new(&mut |resolve, _| {
            self.inbox.borrow_mut().wake = Some(resolve.clone());
            if let Some(scope) = scope() {
                let milliseconds = (seconds * 1e3) as i32;
                let _ = scope.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
            }
        });
        let _ = JsFuture::from(promise).await;
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.previous.set_onmessage(None);
        self.previous.close();
        self.next.close();
    }
}

impl Channel for Port {
    fn send(&mut self, message: RingMessage) {
        let sent = wall_seconds();
        let due = self.link.due(sent, message.bytes());
        let RingMessage { round, bucket, phase, chunk, words } = message;
        let buffer = Float32Array::from(words.as_slice()).buffer();
        let is_sum = phase == RingPhase::AllGather;
        let wire: Array =
            [sent, due, f64::from(round), bucket as f64, f64::from(u8::from(is_sum)), chunk as f64]
                .into_iter()
                .map(JsValue::from)
                .collect();
        wire.push(&buffer);
        if let Err(error) = self.next.post_message_with_transferable(&wire, &Array::of1(&buffer)) {
            self.failure = Some(format!("a message could not be sent: {error:?}"));
        }
    }

    fn receive(&mut self) -> Option<RingMessage> {
        let mut inbox = self.inbox.borrow_mut();
        inbox.held.next_due()?;
        inbox.held.pop(wall_seconds())
    }
}

/// A message and when it is due.
fn read(event: &MessageEvent) -> Option<(f64, RingMessage)> {
    let wire: Array = event.data().dyn_into().ok()?;
    let number = |index| wire.get(index).as_f64();
    let (sent, due) = (number(0)?, number(1)?);
    let phase = if number(4)? > 0.0 { RingPhase::AllGather } else { RingPhase::ReduceScatter };
    let words = Float32Array::new(&wire.get(6).dyn_into::<ArrayBuffer>().ok()?.into()).to_vec();
    let message = RingMessage {
        round: number(2)? as u32,
        bucket: number(3)? as usize,
        phase,
        chunk: number(5)? as usize,
        words,
    };
    Some((due.min(wall_seconds() + due - sent), message))
}
