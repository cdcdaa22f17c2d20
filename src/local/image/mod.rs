//! From the local engine to what a host lacks of an image.
//!
//! `docker save` can only give an image whole. It is read once, as a stream; of each layer that some host lacks a
//! compressed copy stays in a cache, named by the digest of its uncompressed tar. What a host gets ([`Parcel`]) is put
//! together from those copies: the layers that it lacks and the few small files that describe the image, as one
//! `docker load`. So a second host costs no second compression, and a layer that was ever sent costs none at all.

mod facts;
mod document;
mod archive;
mod compress;
mod cache;
mod save;
mod parcel;
mod local_image;

pub use cache::LayerCache;
pub use facts::{ImageFacts, platform_text};
pub use local_image::{ImageError, LocalImage, OnRead};
pub use parcel::Parcel;

pub(super) use archive::{Contents, LayerEntry};
pub(super) use compress::gzip;
pub(super) use facts::digest;
