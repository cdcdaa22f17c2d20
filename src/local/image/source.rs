//! The local images of a run, as hosts ask for them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::LocalImage;
use crate::name::Digest;
use crate::ports::{ImageSource, ImageStream};
use crate::release::Image;

/// Images that were opened, by the digest of their configuration. A run often needs none: then nothing was opened.
#[derive(Debug, Default)]
pub struct LocalImages {
    opened: Mutex<BTreeMap<Digest, Arc<LocalImage>>>,
}

impl LocalImages {
    /// Makes an image available to the hosts.
    pub fn add(&self, image: LocalImage) {
        let digest = image.facts().digest.clone();
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, Arc::new(image));
    }
}

#[async_trait]
impl ImageSource for LocalImages {
    async fn stream(&self, image: &Image, tag: &str, have: &[&[Digest]]) -> io::Result<ImageStream> {
        let found = self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(&image.digest).cloned();
        let found = found.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("this machine has no image {}", image.digest.short()))
        })?;
        let parcel = found.parcel(have, tag, &|_, _| {}).await.map_err(io::Error::other)?;
        Ok(ImageStream { total: parcel.bytes, layers: parcel.layers, bytes: parcel.stream() })
    }
}
