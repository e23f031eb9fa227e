//! The browser's storage as a [`Store`] of checkpoints: four promises of `public/run-store.js`.

use engine::checkpoint::generations::{Store, StoreError};
use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// The store that `openRunStore` gave.
#[derive(Debug, Clone)]
pub struct BrowserStore {
    object: JsValue,
}

impl BrowserStore {
    /// Opens the store of this browser.
    ///
    /// # Errors
    /// In the browser's words: there is none, or another tab has it.
    pub async fn open() -> Result<Self, StoreError> {
        let object = call(&js_sys::global(), "openRunStore", &[]).await?;
        Ok(Self { object })
    }
}

/// Calls a method that gives a promise, and awaits it.
async fn call(object: &JsValue, method: &str, arguments: &[JsValue]) -> Result<JsValue, StoreError> {
    let missing = || StoreError { what: format!("this browser has no {method}") };
    let function: Function = Reflect::get(object, &method.into())
        .ok()
        .and_then(|found| found.dyn_into().ok())
        .ok_or_else(missing)?;
    let promise =
        function.apply(object, &arguments.iter().collect::<Array>()).map_err(|error| words(&error))?;
    JsFuture::from(Promise::resolve(&promise)).await.map_err(|error| words(&error))
}

fn words(error: &JsValue) -> StoreError {
    let word = |key: &str| Reflect::get(error, &key.into()).ok().and_then(|word| word.as_string());
    let what = word("message").filter(|message| !message.is_empty()).or_else(|| word("name"));
    StoreError { what: what.unwrap_or_else(|| "the browser gave no reason".into()) }
}

impl Store for BrowserStore {
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found = call(&self.object, "read", &[name.into()]).await?;
        Ok(found.dyn_into::<Uint8Array>().ok().map(|bytes| bytes.to_vec()))
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        call(&self.object, "write", &[name.into(), Uint8Array::from(bytes).into()]).await.map(drop)
    }

    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        call(&self.object, "remove", &[name.into()]).await.map(drop)
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        let names: Array = call(&self.object, "list", &[]).await?.dyn_into().unwrap_or_default();
        Ok(names.iter().filter_map(|name| name.as_string()).collect())
    }
}
