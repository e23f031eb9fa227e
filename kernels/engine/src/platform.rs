//! The few things that differ between a worker in a browser and a native test: the clock, waiting, yielding.

use crate::EngineError;
use futures::{FutureExt, pin_mut, select_biased};
use std::future::Future;

/// Seconds from an arbitrary origin, for durations only.
#[must_use]
pub fn now_seconds() -> f64 {
    imp::now_seconds()
}

/// Lets other tasks and messages run. Cheap in a browser (a message to oneself), nothing natively.
pub async fn yield_now() {
    imp::yield_now().await;
}

/// Waits. Natively it blocks the thread.
pub async fn sleep(seconds: f64) {
    imp::sleep(seconds).await;
}

/// Whether `f32` work in this build uses SIMD, for the words on the Device page.
pub const SIMD: &str = if cfg!(target_feature = "simd128") { "WASM SIMD" } else { "native" };

/// `future`, or [`EngineError::Timeout`] after `seconds`. Natively there is no timer: GPU calls block.
///
/// # Errors
/// [`EngineError::Timeout`].
pub async fn with_timeout<T>(
    what: &'static str,
    seconds: f64,
    future: impl Future<Output = T>,
) -> Result<T, EngineError> {
    let future = future.fuse();
    let timer = imp::timer(seconds).fuse();
    pin_mut!(future, timer);
    select_biased! {
        value = future => Ok(value),
        () = timer => Err(EngineError::Timeout { what, seconds }),
    }
}

#[cfg(target_arch = "wasm32")]
mod imp {
    use js_sys::{Function, Promise, Reflect, global};
    use std::cell::RefCell;
    use wasm_bindgen::{JsCast, JsValue, closure::Closure};
    use wasm_bindgen_futures::JsFuture;

    fn method(object: &JsValue, name: &str) -> Option<Function> {
        Reflect::get(object, &JsValue::from_str(name)).ok()?.dyn_into().ok()
    }

    pub fn now_seconds() -> f64 {
        let performance =
            Reflect::get(&global(), &JsValue::from_str("performance")).unwrap_or(JsValue::UNDEFINED);
        method(&performance, "now")
            .and_then(|now| now.call0(&performance).ok())
            .and_then(|value| value.as_f64())
            .map_or_else(|| js_sys::Date::now() / 1e3, |milliseconds| milliseconds / 1e3)
    }

    pub async fn sleep(seconds: f64) {
        let promise = Promise::new(&mut |resolve, _| {
            if let Some(set_timeout) = method(&global(), "setTimeout") {
                let _ = set_timeout.call2(&JsValue::UNDEFINED, &resolve, &JsValue::from_f64(seconds * 1e3));
            }
        });
        let _ = JsFuture::from(promise).await;
    }

    pub async fn timer(seconds: f64) {
        sleep(seconds).await;
    }

    /// A message channel to oneself: unlike a timer it is neither clamped to 4 ms nor slowed in hidden tabs.
    struct Channel {
        sender: JsValue,
        post: Function,
        waiting: std::rc::Rc<RefCell<Vec<Function>>>,
        _on_message: Closure<dyn FnMut()>,
    }

    thread_local! {
        static CHANNEL: RefCell<Option<Channel>> = const { RefCell::new(None) };
    }

    fn open() -> Option<Channel> {
        let constructor: Function =
            Reflect::get(&global(), &JsValue::from_str("MessageChannel")).ok()?.dyn_into().ok()?;
        let channel = Reflect::construct(&constructor, &js_sys::Array::new()).ok()?;
        let receiver = Reflect::get(&channel, &JsValue::from_str("port1")).ok()?;
        let sender = Reflect::get(&channel, &JsValue::from_str("port2")).ok()?;
        let waiting: std::rc::Rc<RefCell<Vec<Function>>> = std::rc::Rc::default();
        let wake = std::rc::Rc::clone(&waiting);
        let on_message = Closure::<dyn FnMut()>::new(move || {
            for resolve in wake.take() {
                let _ = resolve.call0(&JsValue::UNDEFINED);
            }
        });
        Reflect::set(&receiver, &JsValue::from_str("onmessage"), on_message.as_ref()).ok()?;
        let post = method(&sender, "postMessage")?;
        Some(Channel { sender, post, waiting, _on_message: on_message })
    }

    pub async fn yield_now() {
        let promise = Promise::new(&mut |resolve, _| {
            CHANNEL.with_borrow_mut(|slot| {
                if slot.is_none() {
                    *slot = open();
                }
                if let Some(channel) = slot {
                    channel.waiting.borrow_mut().push(resolve);
                    let _ = channel.post.call1(&channel.sender, &JsValue::NULL);
                } else {
                    let _ = resolve.call0(&JsValue::UNDEFINED);
                }
            });
        });
        let _ = JsFuture::from(promise).await;
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use std::{sync::OnceLock, time::Instant};

    pub fn now_seconds() -> f64 {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        ORIGIN.get_or_init(Instant::now).elapsed().as_secs_f64()
    }

    pub async fn yield_now() {}

    pub async fn sleep(seconds: f64) {
        std::thread::sleep(std::time::Duration::from_secs_f64(seconds));
    }

    pub async fn timer(_seconds: f64) {
        std::future::pending::<()>().await;
    }
}
