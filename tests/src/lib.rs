//! Acceptance tests live beside this file, one folder a kind.
