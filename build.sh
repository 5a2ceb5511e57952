#!/usr/bin/env bash
# Builds the images of images/images.toml, and pushes them with --push. See --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'END'
usage: ./build.sh [options] [image...]

Builds the images processing, training and inference, or those named, and tags each with the version and
with version-revision (git).

  --base dlc|standin   base images: the Deep Learning Containers (default), or their CPU stand-ins,
                       which are built first
  --region R           AWS region of the registries (default: AWS_REGION, else us-east-1)
  --registry R         registry to push to: ACCOUNT.dkr.ecr.REGION.amazonaws.com, or HOST:PORT of another
                       registry; part of every tag if set
  --push               push after building; needs --registry. Missing ECR repositories are created. Writes
                       images.json with the URI by digest of each image, and in the same folder its
                       software bill of materials (CycloneDX)
  --images-json FILE   with --push: path of images.json (default images.json)
  --pull-accounts A,B  with --push to ECR: ids of the accounts that may pull
  --pull-organization O   with --push to ECR: id of the organization whose accounts may pull
  --kms-key ARN        with --push to ECR: key that encrypts new repositories
  --publish-parameters P  with --push: set the SSM parameters /P/IMAGE/VERSION and /P/IMAGE/latest
  --allow-dirty        push although the working tree has uncommitted changes
  --version V          version for the tags (default: that of contract/__init__.py)
  --latest             set the tag `latest` too
  --platform P         platform to build for (default linux/amd64, SageMaker's)
  --no-cache           build without the layer cache
  --dry-run            print the commands without running those that change anything
  --help               print this text

Environment variables; those about packages and proxies are passed to the build and are in no layer:
  PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_TRUSTED_HOST   a private package index
  PIP_FIND_LINKS       folders of wheels, separated by spaces
  PIP_CERT or SSL_CERT_FILE   a certificate bundle for a private proxy
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY   the proxy
  DOCKER               the Docker client (default: the first one on PATH that can build with BuildKit)
  DEBIAN_IMAGE         base image of the stand-ins (default debian:bookworm-slim)
  PYTHON               a Python with boto3 and cyclonedx, needed to push (default: .venv's, else python3)
END
}

fail() { echo "build.sh: $*" >&2; exit 2; }
note() { echo "build.sh: $*" >&2; }

# Prints a command; runs it unless this is a dry run.
run() {
  printf '+' >&2; printf ' %q' "$@" >&2; echo >&2
  if [[ $dry_run == no ]]; then "$@"; fi
}

catalog() { python3 images/catalog.py "$@"; }

parse() {
  base=dlc region=${AWS_REGION:-us-east-1} registry='' push=no dirty=no dry_run=no latest=no
  platform=linux/amd64 cache=() images=()
  pull_accounts='' pull_organization='' kms_key='' publish_parameters='' images_json=images.json
  version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' contract/__init__.py)
  while (($#)); do
    case $1 in
      --base|--region|--registry|--version|--platform|--pull-accounts|--pull-organization|--kms-key|--publish-parameters|--images-json)
        [[ $# -ge 2 && $2 != --* ]] || fail "option $1 has no value"
        local name=${1#--}; printf -v "${name//-/_}" %s "$2"; shift ;;
      --push) push=yes ;;
      --allow-dirty) dirty=yes ;;
      --latest) latest=yes ;;
      --no-cache) cache=(--no-cache) ;;
      --dry-run) dry_run=yes ;;
      --help|-h) usage; exit 0 ;;
      -*) fail "unknown option $1; --help lists the known ones" ;;
      *) images+=("$1") ;;
    esac
    shift
  done
}

check() {
  [[ $base == dlc || $base == standin ]] || fail "--base is $base, expected dlc or standin"
  local known; mapfile -t known < <(catalog names)
  ((${#images[@]})) || images=("${known[@]}")
  for image in "${images[@]}"; do
    [[ " ${known[*]} " == *" $image "* ]] || fail "unknown image $image, expected one of: ${known[*]}"
  done
  [[ $push == no || -n $registry ]] || fail "--push needs --registry"
  [[ $push == yes || -z $pull_accounts$pull_organization$kms_key$publish_parameters ]] ||
    fail "--pull-accounts, --pull-organization, --kms-key and --publish-parameters need --push"
  revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
  if [[ -n $(git status --porcelain 2>/dev/null) ]]; then
    [[ $push == no || $dirty == yes ]] ||
      fail "the working tree has changes that are not in revision $revision; commit them or use --allow-dirty"
    revision+=-dirty
  fi
}

# Chooses a Docker client with BuildKit, which secrets and bind mounts need: the client of engine 20.10 has
# it built in, newer clients need the buildx plugin.
pick_client() {
  local candidate
  for candidate in ${DOCKER:-} $(type -ap docker podman 2>/dev/null); do
    if "$candidate" buildx version >/dev/null 2>&1; then
      client=$candidate build=("$candidate" buildx build --load)
      note "client: $candidate with buildx"; return
    fi
    if DOCKER_BUILDKIT=1 "$candidate" build --help 2>/dev/null | grep -q -- '--secret' \
      && ! "$candidate" build --help 2>&1 | grep -qi 'buildx'; then
      client=$candidate build=(env DOCKER_BUILDKIT=1 "$candidate" build)
      note "client: $candidate with BuildKit"; return
    fi
  done
  fail "no Docker client that builds with BuildKit; install docker-buildx, or set DOCKER to one"
}

# Writes the settings of package indexes from the environment to a pip.conf, which the build mounts.
prepare() {
  mkdir -p .build/wheels
  local folder conf=.build/pip.conf cert=${PIP_CERT:-${SSL_CERT_FILE:-}}
  secrets=(--secret "id=pip.conf,src=$conf")
  {
    echo '[global]'
    echo 'find-links = /wheels'
    [[ -z ${PIP_INDEX_URL:-} ]] || echo "index-url = $PIP_INDEX_URL"
    [[ -z ${PIP_EXTRA_INDEX_URL:-} ]] || echo "extra-index-url = $PIP_EXTRA_INDEX_URL"
    [[ -z ${PIP_TRUSTED_HOST:-} ]] || echo "trusted-host = $PIP_TRUSTED_HOST"
    [[ ! -f $cert ]] || echo 'cert = /run/secrets/ca.pem'
  } >$conf
  chmod 600 $conf
  [[ ! -f $cert ]] || secrets+=(--secret "id=ca.pem,src=$cert")
  for folder in ${PIP_FIND_LINKS:-}; do
    [[ ! -d $folder ]] || find "$folder" -maxdepth 1 -name '*.whl' -exec cp --update --preserve=timestamps {} .build/wheels/ \;
  done
}

proxies() {
  local name
  for name in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
    [[ -z ${!name:-} ]] || printf '%s\n' --build-arg "$name"
  done
}

# Pulls the stand-in's base image, or builds it from Debian's packages if no image registry is reachable.
ensure_debian() {
  local image=${DEBIAN_IMAGE:-debian:bookworm-slim}
  if "$client" image inspect "$image" >/dev/null 2>&1 || run "$client" pull "$image"; then return; fi
  note "$image cannot be pulled: building it with debootstrap"
  command -v debootstrap >/dev/null || fail "$image cannot be pulled and debootstrap is not installed"
  [[ $(id -u) == 0 ]] || fail "$image cannot be pulled and debootstrap needs root"
  local root; root=$(mktemp -d)
  run debootstrap --variant=minbase --include=ca-certificates bookworm "$root" >.build/debootstrap.log 2>&1 ||
    fail "debootstrap failed; see .build/debootstrap.log"
  tar -C "$root" -c . | run "$client" import - "$image" >/dev/null
  rm -rf "$root"
}

build_standin() {
  local target
  ensure_debian
  for target in $(for image in "${images[@]}"; do catalog field "$image" base; done | sort -u); do
    note "stand-in: $target"
    run "${build[@]}" "${cache[@]}" "${secrets[@]}" "${proxy[@]}" --platform "$platform" --target "$target" \
      --build-arg "DEBIAN_IMAGE=${DEBIAN_IMAGE:-debian:bookworm-slim}" \
      --tag "huggingface-standin:$target" --file images/standin/Dockerfile .
  done
}

# Prints the tags of an image, one per line: the version, version-revision, and with --latest latest.
tags() {
  local name; name=${registry:+$registry/}$(catalog field "$1" repository)
  printf '%s\n' "$name:$version" "$name:$version-$revision"
  [[ $latest == no ]] || echo "$name:latest"
}

digest_of() {
  local digest
  digest=$("$client" image inspect --format '{{if .RepoDigests}}{{index .RepoDigests 0}}{{else}}{{.Id}}{{end}}' "$1" 2>/dev/null) ||
    digest=unknown
  echo "${digest##*@}"
}

# Writes NAME=VALUE... as JSON for the Dockerfile to copy; the image prints it with --version.
record() {
  local image=$1
  python3 -c 'import json, sys; print(json.dumps(dict(pair.split("=", 1) for pair in sys.argv[1:]), indent=2))' \
    "image=$image" "${@:2}" >".build/$image.json"
  chmod 644 ".build/$image.json"
}

build_image() {
  local image=$1 from digest tag names=()
  from=$(catalog base "$image" "$base" "$region") digest=$(digest_of "$from")
  [[ $dry_run == yes ]] ||
    record "$image" "version=$version" "revision=$revision" "base=$from" "base_digest=$digest"
  for tag in $(tags "$image"); do names+=(--tag "$tag"); done
  note "image: $image, from $from"
  run "${build[@]}" "${cache[@]}" "${secrets[@]}" "${proxy[@]}" --platform "$platform" \
    --build-arg "BASE_IMAGE=$from" "${names[@]}" \
    --label "org.opencontainers.image.title=$(catalog field "$image" repository)" \
    --label "org.opencontainers.image.description=$(catalog field "$image" description)" \
    --label "org.opencontainers.image.version=$version" \
    --label "org.opencontainers.image.revision=$revision" \
    --label "org.opencontainers.image.base.name=$from" \
    --label "org.opencontainers.image.base.digest=$digest" \
    --build-arg "IMAGE=$image" --target "$image" --file images/Dockerfile .
}

# Logs in to an ECR registry: to that of the Deep Learning Containers to pull, to yours to push.
log_in() {
  local host=$1
  [[ $host == *.dkr.ecr.* ]] || return 0
  note "logging in to $host"
  if [[ $dry_run == yes ]]; then
    echo "+ $python -m images.ecr password $host | $client login --username AWS --password-stdin $host" >&2
  else
    "$python" -m images.ecr password "$host" | "$client" login --username AWS --password-stdin "$host" >&2
  fi
}

pick_python() {
  python=${PYTHON:-python3}
  [[ -n ${PYTHON:-} || ! -x .venv/bin/python ]] || python=.venv/bin/python
  [[ $dry_run == yes ]] || "$python" -c 'import boto3, cyclonedx' 2>/dev/null ||
    fail "$python has no boto3 or cyclonedx, which ECR, SSM and images.json need; run make setup, or set PYTHON"
}

# Creates the ECR repository of an image, or updates its settings.
prepare_repository() {
  local who=()
  [[ -z $pull_accounts ]] || who+=(--pull-accounts "$pull_accounts")
  [[ -z $pull_organization ]] || who+=(--pull-organization "$pull_organization")
  [[ -z $kms_key ]] || who+=(--kms-key "$kms_key")
  run "$python" -m images.ecr prepare "$registry" "$(catalog field "$1" repository)" "${who[@]}" >&2
}

# Pushes the tags of an image that the registry does not have: pushing an immutable tag again is an error. The
# tag with the revision is pushed first, so that an interrupted push can be distinguished from another revision.
push_image() {
  local tag repository name present='' moving=()
  repository=$(catalog field "$1" repository); name=$registry/$repository
  if [[ $registry == *.dkr.ecr.* && $dry_run == no ]]; then
    present=$("$python" -m images.ecr present "$registry" "$repository" "$version" "$version-$revision")
  fi
  if [[ $present == "$version" ]]; then
    fail "$repository:$version is in the registry, from another revision; set another --version"
  fi
  [[ $latest == no ]] || moving=(latest)
  if [[ -n $present ]]; then
    note "$name:$version-$revision is in the registry already"
    run "$client" pull "$name:$version-$revision" >&2
    for tag in "$version" "${moving[@]}"; do run "$client" tag "$name:$version-$revision" "$name:$tag"; done
  fi
  for tag in "$version-$revision" "$version" "${moving[@]}"; do
    grep -qxF "$tag" <<<"$present" || run "$client" push "$name:$tag" >&2
  done
}

push_images() {
  local image names pushed=() parameters=()
  [[ -z $publish_parameters ]] || parameters=(--publish-parameters "$publish_parameters")
  log_in "$registry"
  for image in "${images[@]}"; do
    [[ $registry != *.dkr.ecr.* ]] || prepare_repository "$image"
    push_image "$image"
    mapfile -t names < <(tags "$image")
    pushed+=("${names[0]}")
  done
  run "$python" -m images.release --client "$client" --output "$images_json" --region "$region" "${parameters[@]}" "${pushed[@]}"
  note "$images_json has the URIs by digest"
}

main() {
  parse "$@"; check; pick_client; prepare
  if [[ $push == yes || $base == dlc ]]; then pick_python; fi
  mapfile -t proxy < <(proxies)
  if [[ $base == standin ]]; then
    build_standin
  else
    local from; from=$(catalog base "${images[0]}" dlc "$region"); log_in "${from%%/*}"
    # Pulled first, so that the label has the digest of the base image that is used.
    for from in $(for image in "${images[@]}"; do catalog base "$image" dlc "$region"; done | sort -u); do
      run "$client" pull --platform "$platform" "$from" >&2
    done
  fi
  for image in "${images[@]}"; do build_image "$image"; done
  if [[ $push == yes ]]; then push_images; fi
  for image in "${images[@]}"; do tags "$image"; done
}

# On one line, since bash reads a script while it runs it: an edit during a build must not change what follows.
main "$@"; exit
