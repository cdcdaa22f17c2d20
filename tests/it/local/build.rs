//! What `docker build` is told, and what is made of its output.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;

use ship::diagnostic::Hint;
use ship::local::build::{BuildError, BuildRequest, build};

use super::fake::Fake;

fn request(fake: &Fake) -> BuildRequest {
    fs::create_dir(fake.path("project")).unwrap();
    fs::write(fake.path("project/Dockerfile"), "FROM scratch\n").unwrap();
    BuildRequest {
        context: fake.path("project"),
        dockerfile: fake.path("project/Dockerfile"),
        args: BTreeMap::new(),
        target: None,
        platform: None,
        tag: "blog-production".to_owned(),
    }
}

#[tokio::test]
async fn the_request_becomes_a_command_line_and_the_id_comes_back() {
    let fake = Fake::new();
    fake.says("output", "Step 1/1 : FROM scratch\n");
    fake.says("id-of-sha256:built", "sha256:built\n");
    let request = BuildRequest {
        args: BTreeMap::from([("A".to_owned(), "1 2".to_owned()), ("B".to_owned(), String::new())]),
        target: Some("app".to_owned()),
        platform: Some("linux/arm64".to_owned()),
        ..request(&fake)
    };
    let lines = Mutex::new(Vec::new());
    let id = build(&fake.docker(), &request, &|line| lines.lock().unwrap().push(line.to_owned())).await.unwrap();
    assert_eq!(id, "sha256:built");
    let context = fake.path("project").display().to_string();
    let call = fake.calls("build").remove(0);
    let expected = format!(
        "build --file={context}/Dockerfile --build-arg=A=1 2 --build-arg=B= --target=app --platform=linux/arm64 \
         --tag=blog-production --iidfile "
    );
    assert!(call.starts_with(&expected) && call.ends_with(&format!(" -- {context}")), "{call}");
    let expected = ["BUILDKIT_PROGRESS=plain", "BUILDX_NO_DEFAULT_ATTESTATIONS=1", "Step 1/1 : FROM scratch"];
    assert_eq!(*lines.lock().unwrap(), expected);
}

#[tokio::test]
async fn an_id_that_the_engine_does_not_know_gives_way_to_the_tag() {
    // BuildKit with the containerd store.
    let fake = Fake::new();
    let request = request(&fake);
    fake.says("id-of-blog-production", "sha256:manifest\n");
    assert_eq!(build(&fake.docker(), &request, &|_| ()).await.unwrap(), "sha256:manifest");
    fs::remove_file(fake.path("id-of-blog-production")).unwrap();
    let error = build(&fake.docker(), &request, &|_| ()).await.unwrap_err();
    assert!(matches!(error, BuildError::NotLoaded), "{error}");
}

#[tokio::test]
async fn a_failed_build_keeps_its_last_forty_lines() {
    let fake = Fake::new();
    fake.says("output", (1..=60).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n"));
    fake.says("build-fails", "");
    let error = build(&fake.docker(), &request(&fake), &|_| ()).await.unwrap_err();
    assert_eq!(error.to_string(), "the build failed");
    assert_eq!(error.output().len(), 40);
    assert_eq!(error.output().last().unwrap(), "line 60");
}

#[tokio::test]
async fn what_a_build_needs_is_said_where_docker_does_not() {
    let fake = Fake::new();
    fake.says("build-fails", "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/\n");
    let error = build(&fake.docker(), &request(&fake), &|_| ()).await.unwrap_err();
    assert!(error.hints()[0].contains("docker-buildx"), "{:?}", error.hints());
}

#[tokio::test]
async fn what_is_missing_is_found_before_docker_is_asked() {
    let fake = Fake::new();
    let mut request = request(&fake);
    request.dockerfile = fake.path("project/Dockerfile.web");
    let error = build(&fake.docker(), &request, &|_| ()).await.unwrap_err();
    assert!(matches!(error, BuildError::NoDockerfile(_)), "{error}");
    assert!(error.hints()[0].contains("build.dockerfile"));
    request.context = fake.path("elsewhere");
    assert!(matches!(build(&fake.docker(), &request, &|_| ()).await.unwrap_err(), BuildError::NoContext(_)));
    assert!(fake.calls("build").is_empty());
}

#[tokio::test]
async fn a_build_without_docker_is_no_failed_build() {
    let fake = Fake::new();
    fake.says("fails", "Cannot connect to the Docker daemon at tcp://127.0.0.1:1. Is the docker daemon running?\n");
    let error = build(&fake.docker(), &request(&fake), &|_| ()).await.unwrap_err();
    assert_eq!(error.to_string(), "Docker does not answer on this machine");
}
