//! What is read, kept and sent of an image, and what is said when that does not work.

use std::fs;

use ship::diagnostic::Hint;
use ship::local::docker::{Docker, DockerError};
use ship::local::image::{ImageError, LayerCache, LocalImage, platform_text};

use super::fake::{Fake, Form, Packed, TestImage, digest, layer, sent};

const QUIET: &(dyn Fn(u64, u64) + Send + Sync) = &|_, _| ();

#[tokio::test]
async fn what_was_compressed_once_is_never_read_again() {
    for form in Form::ALL {
        let fake = Fake::with(&TestImage::usual(), form);
        let image = fake.open(Some("linux/amd64")).await.unwrap();
        let first = sent(&image.parcel(&[], "blog-production:r1", QUIET).await.unwrap()).await;
        let again = fake.open(Some("linux/amd64")).await.unwrap();
        assert_eq!(again.facts(), image.facts());
        let second = sent(&again.parcel(&[], "blog-production:r1", QUIET).await.unwrap()).await;
        assert!(first == second, "{form:?}: the same bytes");
        assert_eq!(fake.calls("save").len(), 1, "{form:?}");
    }
}

#[tokio::test]
async fn a_layer_that_every_host_has_is_not_compressed() {
    let image = TestImage::usual();
    let fake = Fake::with(&image, Form::Hybrid);
    let opened = fake.open(None).await.unwrap();
    opened.parcel(&[&image.diff_ids()[..2]], "blog-production:r1", QUIET).await.unwrap();
    let kept = fs::read_dir(fake.path("cache/layers")).unwrap().count();
    assert_eq!(kept, 1);
    opened.parcel(&[], "blog-production:r1", QUIET).await.unwrap();
    assert_eq!(fs::read_dir(fake.path("cache/layers")).unwrap().count(), 3, "until a host lacks it");
}

#[tokio::test]
async fn hosts_that_lack_the_same_share_one_read() {
    let fake = Fake::with(&TestImage::usual(), Form::Legacy);
    let image = fake.open(None).await.unwrap();
    let (a, b, c) = tokio::join!(
        image.parcel(&[], "blog-production:r1", QUIET),
        image.parcel(&[], "blog-production:r1", QUIET),
        image.parcel(&[], "blog-production:r1", QUIET),
    );
    assert_eq!(a.unwrap().bytes, b.unwrap().bytes);
    assert_eq!(c.unwrap().layers, 3);
    assert_eq!(fake.calls("save").len(), 1);
}

#[tokio::test]
async fn only_the_changed_layer_of_a_new_image_is_read() {
    let mut image = TestImage::usual();
    let fake = Fake::with(&image, Form::Containerd(Packed::Gzip));
    fake.open(None).await.unwrap();
    let before: Vec<_> =
        fs::read_dir(fake.path("cache/layers")).unwrap().map(|file| file.unwrap().file_name()).collect();
    image.layers[3] = layer("app", b"v2");
    fake.says("image.tar", image.saved(Form::Containerd(Packed::Gzip)));
    fake.says("inspect", format!(r#"{{"Id":"{}"}}"#, digest(b"another manifest")));
    let opened = fake.open(None).await.unwrap();
    let added = fs::read_dir(fake.path("cache/layers")).unwrap().map(|file| file.unwrap().file_name());
    assert_eq!(added.filter(|name| !before.contains(name)).count(), 1);
    assert_eq!(opened.facts().layers, image.diff_ids());
}

#[tokio::test]
async fn an_image_without_new_layers_is_a_few_kilobytes() {
    let image = TestImage::usual();
    let fake = Fake::with(&image, Form::Legacy);
    let opened = fake.open(None).await.unwrap();
    let parcel = opened.parcel(&[&image.diff_ids()], "blog-production:r2", QUIET).await.unwrap();
    assert_eq!(parcel.layers, 0);
    assert!(parcel.bytes < 2048, "{} bytes", parcel.bytes);
    assert!(!sent(&parcel).await.is_empty());
}

#[tokio::test]
async fn progress_counts_what_is_read() {
    let image = TestImage::usual();
    let fake = Fake::with(&image, Form::Legacy);
    let opened = fake.open(None).await.unwrap();
    let last = std::sync::Mutex::new((0, 0));
    opened.parcel(&[], "blog-production:r1", &|done, total| *last.lock().unwrap() = (done, total)).await.unwrap();
    let length = fs::metadata(fake.path("image.tar")).unwrap().len();
    assert_eq!(*last.lock().unwrap(), (length, 1234));
}

#[tokio::test]
async fn the_cache_keeps_to_its_limit_but_never_drops_what_is_being_sent() {
    let mut image = TestImage::usual();
    let fake = Fake::with(&image, Form::Hybrid);
    let cache = LayerCache::new(fake.path("cache"), 1000);
    let opened = LocalImage::open(&fake.docker(), &cache, "blog:new", None, QUIET).await.unwrap();
    let parcel = opened.parcel(&[], "blog-production:r1", QUIET).await.unwrap();
    assert_eq!(fs::read_dir(fake.path("cache/layers")).unwrap().count(), 3, "all three belong to the image");

    image.layers = vec![layer("new", b"another app")];
    let other = Fake::with(&image, Form::Hybrid);
    let opened = LocalImage::open(&other.docker(), &cache, "blog:new", None, QUIET).await.unwrap();
    opened.parcel(&[], "blog-production:r2", QUIET).await.unwrap();
    let kept = fs::read_dir(fake.path("cache/layers")).unwrap().count();
    assert!(kept < 4, "the old ones went: {kept} are left");
    assert!(fake.path("cache/layers").join(image.diff_ids()[0].hex()).exists());
    assert!(!sent(&parcel).await.is_empty(), "a parcel that was made before can still be sent");
    assert_eq!(fs::read_dir(fake.path("cache/drafts")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_damaged_cache_costs_time_and_nothing_else() {
    let fake = Fake::with(&TestImage::usual(), Form::Hybrid);
    let image = fake.open(None).await.unwrap();
    let before = sent(&image.parcel(&[], "blog-production:r1", QUIET).await.unwrap()).await;
    for part in ["known", "configs"] {
        for file in fs::read_dir(fake.path("cache").join(part)).unwrap() {
            fs::write(file.unwrap().path(), "sha256:12").unwrap();
        }
    }
    let after = sent(&image.parcel(&[], "blog-production:r1", QUIET).await.unwrap()).await;
    assert!(before == after);
}

#[tokio::test]
async fn the_platform_is_chosen_or_refused_before_anything_is_sent() {
    let image = TestImage::usual();
    for form in Form::ALL {
        let fake = Fake::with(&image, form);
        let error = fake.open(Some("linux/riscv64")).await.unwrap_err();
        let ImageError::Platform { found, .. } = &error else { panic!("{form:?}: {error}") };
        assert!(found.contains(&"linux/amd64".to_owned()));
        assert!(error.hints()[0].contains("build.platform = \"linux/riscv64\""), "{:?}", error.hints());
    }
    let fake = Fake::with(&image, Form::Index);
    let error = fake.open(Some("linux/riscv64")).await.unwrap_err();
    assert_eq!(error.to_string(), "image `blog:new` is for linux/amd64, linux/arm64, not for linux/riscv64");
    let arm = fake.open(Some("linux/arm64")).await.unwrap();
    assert_eq!(arm.facts().platform, "linux/arm64");
    assert_eq!(arm.facts().layers.len(), 1);
}

#[tokio::test]
async fn a_new_docker_saves_one_platform_alone() {
    let fake = Fake::with(&TestImage::usual(), Form::Index);
    fake.says("version", "1.48\n");
    fake.open(Some("linux/amd64")).await.unwrap();
    assert!(fake.calls("save")[0].ends_with("--platform=linux/amd64"), "{:?}", fake.calls("save"));
}

#[test]
fn the_cache_is_where_caches_are() {
    let directory = |variables: &'static [(&str, &str)]| {
        LayerCache::usual_directory(&|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    };
    assert_eq!(directory(&[("XDG_CACHE_HOME", "/c"), ("HOME", "/home/ana")]), Some("/c/ship".into()));
    assert_eq!(
        directory(&[("XDG_CACHE_HOME", "relative"), ("HOME", "/home/ana")]),
        Some("/home/ana/.cache/ship".into())
    );
    assert_eq!(directory(&[]), None);
}

#[test]
fn platforms_are_written_one_way() {
    assert_eq!(platform_text("linux", "arm64", "v8"), "linux/arm64");
    assert_eq!(platform_text("linux", "arm", "v7"), "linux/arm/v7");
    assert_eq!(platform_text("linux", "amd64", ""), "linux/amd64");
}

#[tokio::test]
async fn an_image_that_is_not_there() {
    let error = Fake::new().open(None).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no image `blog:new` on this machine");
    assert_eq!(error.hints(), ["docker pull blog:new", "docker build -t blog:new ."]);
}

#[tokio::test]
async fn docker_that_does_not_run_is_not_allowed_or_is_not_there() {
    let fake = Fake::with(&TestImage::usual(), Form::Legacy);
    fake.says(
        "fails",
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
    );
    let error = fake.open(None).await.unwrap_err();
    assert!(matches!(error, ImageError::Docker(DockerError::NotRunning(_))), "{error}");
    assert!(error.hints()[0].contains("start Docker"));

    fake.says("fails", "permission denied while trying to connect to the Docker daemon socket at unix:///…\n");
    let error = fake.open(None).await.unwrap_err();
    assert!(matches!(error, ImageError::Docker(DockerError::Denied(_))), "{error}");

    let docker = Docker::new(fake.path("nowhere"));
    let error = LocalImage::open(&docker, &fake.cache(), "blog:new", None, QUIET).await.unwrap_err();
    assert!(error.to_string().contains("is not installed"), "{error}");
}

#[tokio::test]
async fn a_save_that_breaks_off_says_what_docker_said() {
    for form in [Form::Legacy, Form::Containerd(Packed::Gzip)] {
        let image = TestImage::usual();
        let fake = Fake::with(&image, form);
        let archive = image.saved(form);
        fake.says("image.tar", &archive[..archive.len() / 2]);
        fake.says("save-fails", "Error response from daemon: no space left on device\n");
        let result = match fake.open(None).await {
            Ok(opened) => opened.parcel(&[], "blog-production:r1", QUIET).await.map(drop),
            Err(error) => Err(error),
        };
        let error = result.unwrap_err().to_string();
        assert_eq!(error, "`docker save` failed with exit code 1: Error response from daemon: no space left on device");
        assert_eq!(fs::read_dir(fake.path("cache/drafts")).unwrap().count(), 0, "nothing half is left");

        fs::remove_file(fake.path("save-fails")).unwrap();
        fake.says("image.tar", &archive);
        let opened = fake.open(None).await.unwrap();
        opened.parcel(&[], "blog-production:r1", QUIET).await.unwrap();
    }
}

#[tokio::test]
async fn an_engine_that_saves_a_part_only() {
    let image = TestImage::usual();
    let fake = Fake::with(&image, Form::Hybrid);
    let mut part = TestImage::usual();
    part.layers.truncate(2);
    fake.says("image.tar", part.saved(Form::Hybrid));
    let opened = fake.open(None).await.unwrap();
    let error = opened.parcel(&[], "blog-production:r1", QUIET).await.unwrap_err();
    assert_eq!(error.to_string(), "Docker saved image `blog:new` without its configuration");
}

#[tokio::test]
async fn a_cache_that_cannot_be_written() {
    let fake = Fake::with(&TestImage::usual(), Form::Containerd(Packed::Gzip));
    fake.says("cache", "a file where the directory would be");
    let error = fake.open(None).await.unwrap_err();
    assert!(matches!(error, ImageError::Cache { .. }), "{error}");
    assert!(error.hints()[0].contains("XDG_CACHE_HOME"));
}
