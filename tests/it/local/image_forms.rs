//! Whatever form an engine saves images in, a host gets the same.

use serde_json::Value;
use ship::name::Digest;

use super::fake::{Fake, Form, TestImage, digest, sent, unpacked};

#[tokio::test]
async fn every_form_gives_the_same_facts() {
    let image = TestImage::usual();
    for form in Form::ALL {
        let fake = Fake::with(&image, form);
        let opened = fake.open(Some("linux/amd64")).await.unwrap();
        let facts = opened.facts();
        assert_eq!(facts.digest, digest(&image.config()), "{form:?}");
        assert_eq!(facts.layers, image.diff_ids(), "{form:?}");
        assert_eq!(facts.platform, "linux/amd64");
        assert_eq!(facts.exposed, [3000, 80], "{form:?}");
        assert_eq!((facts.user.as_str(), facts.workdir.as_str()), ("1000:1000", "/app"));
        assert_eq!(facts.volumes, ["/data"]);
        let saves = fake.calls("save").len();
        assert_eq!(
            saves,
            usize::from(form.is_containerd()),
            "{form:?}: layers are read only where there is no other way"
        );
    }
}

#[tokio::test]
async fn every_form_arrives_whole() {
    let image = TestImage::usual();
    for form in Form::ALL {
        let fake = Fake::with(&image, form);
        let opened = fake.open(Some("linux/amd64")).await.unwrap();
        let parcel = opened.parcel(&[], "blog-production:r1", &|_, _| ()).await.unwrap();
        assert_eq!((parcel.layers, parcel.of_layers), (3, 4), "{form:?}: a layer that occurs twice is sent once");
        let files = unpacked(&sent(&parcel).await);
        check_archive(&files, &image, &image.diff_ids());
        assert_eq!(fake.calls("save").len(), 1, "{form:?}: the engine is read once in all");
    }
}

#[tokio::test]
async fn every_form_sends_only_what_lies_above_a_common_beginning() {
    let image = TestImage::usual();
    let all = image.diff_ids();
    for form in Form::ALL {
        let fake = Fake::with(&image, form);
        let opened = fake.open(Some("linux/amd64")).await.unwrap();
        let other = [all[0].clone(), digest(b"another"), all[1].clone()];
        let chains: [&[Digest]; 2] = [&other, &all[..2]];
        let parcel = opened.parcel(&chains, "blog-production:r1", &|_, _| ()).await.unwrap();
        assert_eq!((parcel.layers, parcel.of_layers), (1, 4), "{form:?}");
        let files = unpacked(&sent(&parcel).await);
        check_archive(&files, &image, &all[2..]);
    }
}

/// Both descriptions of the image are right, and just these layers are there, as they were.
fn check_archive(files: &std::collections::BTreeMap<String, Vec<u8>>, image: &TestImage, sent: &[Digest]) {
    let all = image.diff_ids();
    let blob = |digest: &str| files.get(&format!("blobs/sha256/{}", digest.trim_start_matches("sha256:")));
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    assert_eq!(files["oci-layout"], br#"{"imageLayoutVersion":"1.0.0"}"#);

    let index = json(&files["index.json"]);
    let descriptor = &index["manifests"][0];
    assert_eq!(descriptor["annotations"]["io.containerd.image.name"], "docker.io/library/blog-production:r1");
    let manifest = blob(descriptor["digest"].as_str().unwrap()).unwrap();
    assert_eq!(digest(manifest).as_str(), descriptor["digest"]);
    assert_eq!(manifest.len(), descriptor["size"]);
    let manifest = json(manifest);
    let config = blob(manifest["config"]["digest"].as_str().unwrap()).unwrap();
    assert_eq!(*config, image.config());
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), all.len());
    for (described, layer) in layers.iter().zip(&image.layers) {
        assert_eq!(described["digest"], digest(layer).as_str());
        assert_eq!(described["size"], layer.len(), "also of layers that are not sent");
    }

    let docker = json(&files["manifest.json"]);
    assert_eq!(docker[0]["RepoTags"][0], "blog-production:r1");
    assert_eq!(files[docker[0]["Config"].as_str().unwrap()], image.config());
    assert_eq!(docker[0]["Layers"].as_array().unwrap().len(), all.len());

    for (id, layer) in all.iter().zip(&image.layers) {
        assert_eq!(blob(id.as_str()), sent.contains(id).then_some(layer), "{id}");
    }
}
