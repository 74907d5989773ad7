#!/usr/bin/env bash
# Fetches the emulators of AWS that the tests run against, to .cache/emulators: MiniStack (SQS, SSM, Secrets Manager and
# DynamoDB in volume), Amazon's own DynamoDB Local (what DynamoDB refuses), versitygw (S3), moto (EC2, to compare our own
# simulator with), and AWS's own mock of the metadata service of an instance. Each is fetched anew only when its version here changes.
set -euo pipefail
cd "$(dirname "$0")/.."

ministack=1.4.21
hypercorn=0.18.0 # MiniStack's server; one before 0.18 takes 43 ms for each call
dynamodb=3.0.0
dependency_plugin=3.6.1 # Maven's
versitygw=v1.8.0
moto=5.2.3
metadata=v1.13.0
folder=.cache/emulators

# fetch NAME VERSION FUNCTION calls the function with an empty folder, which becomes $folder/NAME.
fetch() {
	local name=$1 version=$2 get=$3
	if [ "$(cat "$folder/$name/version" 2>/dev/null)" = "$version" ]; then
		return
	fi
	mkdir -p "$folder"
	work=$(mktemp -d "$folder/$name.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	"$get" "$work"
	echo "$version" >"$work/version"
	rm -rf "${folder:?}/$name"
	mv "$work" "$folder/$name"
	echo "emulator: $name $version"
}

get_ministack() {
	scripts/need.sh venv
	python3 -m venv "$1"
	"$1/bin/python" -m pip install --quiet --disable-pip-version-check "ministack==$ministack" "hypercorn==$hypercorn"
}

get_moto() {
	scripts/need.sh venv
	python3 -m venv "$1"
	"$1/bin/python" -m pip install --quiet --disable-pip-version-check "moto[ec2,server]==$moto"
}

get_dynamodb() {
	scripts/need.sh mvn
	cat >"$1/pom.xml" <<-END
		<project xmlns="http://maven.apache.org/POM/4.0.0">
		  <modelVersion>4.0.0</modelVersion>
		  <groupId>emulators</groupId>
		  <artifactId>emulators</artifactId>
		  <version>1</version>
		  <packaging>pom</packaging>
		  <dependencies>
		    <dependency>
		      <groupId>software.amazon.dynamodb</groupId>
		      <artifactId>DynamoDBLocal</artifactId>
		      <version>$dynamodb</version>
		    </dependency>
		  </dependencies>
		</project>
	END
	# Its native libraries are dependencies too, so they come along.
	mvn --quiet --batch-mode --file "$1/pom.xml" \
		"org.apache.maven.plugins:maven-dependency-plugin:$dependency_plugin:copy-dependencies" \
		-DincludeScope=runtime "-DoutputDirectory=$PWD/$1/lib"
}

get_versitygw() {
	scripts/need.sh go
	GOBIN="$PWD/$1" go install "github.com/versity/versitygw/cmd/versitygw@$versitygw"
}

get_metadata() {
	scripts/need.sh go
	GOBIN="$PWD/$1" go install "github.com/aws/amazon-ec2-metadata-mock/cmd/ec2-metadata-mock@$metadata"
}

scripts/need.sh java # to run DynamoDB Local, also when it has been fetched before
fetch ministack "ministack $ministack hypercorn $hypercorn" get_ministack
fetch dynamodb "DynamoDB Local $dynamodb" get_dynamodb
fetch versitygw "versitygw $versitygw" get_versitygw
fetch moto "moto $moto" get_moto
fetch metadata "ec2-metadata-mock $metadata" get_metadata
