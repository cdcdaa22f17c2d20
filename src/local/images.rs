//! The images that this run of ship deploys, by the digest of their configuration: what a host lacks of them comes from
//! here, whenever the plan asks for it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::local::image::LocalImage;
use crate::name::Digest;
use crate::ports::{ImageSource, ImageStream};
use crate::release::Image;

/// Images of the local engine that were opened.
#[derive(Debug, Default)]
pub struct OpenImages {
    images: Mutex<BTreeMap<Digest, Arc<LocalImage>>>,
}

impl OpenImages {
    /// Adds one, so that hosts can have it.
    pub fn add(&self, image: LocalImage) {
        let digest = image.facts().digest.clone();
        self.images.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, Arc::new(image));
    }

    fn get(&self, digest: &Digest) -> Option<Arc<LocalImage>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }
}

#[async_trait]
impl ImageSource for OpenImages {
    async fn stream(&self, image: &Image, tag: &str, have: &[&[Digest]]) -> io::Result<ImageStream> {
        let missing =
            || io::Error::new(io::ErrorKind::NotFound, format!("{} is not open on this machine", image.digest));
        let local = self.get(&image.digest).ok_or_else(missing)?;
        let parcel = local.parcel(have, tag, &|_, _| {}).await.map_err(io::Error::other)?;
        Ok(ImageStream { total: parcel.bytes, layers: parcel.layers, bytes: parcel.stream() })
    }
}
