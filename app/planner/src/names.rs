//! Ids and names of the catalog without its facts: what forms and links need, at a tenth of the catalog's size.

include!(concat!(env!("OUT_DIR"), "/names.rs"));
