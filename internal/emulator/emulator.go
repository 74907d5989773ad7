// Package emulator runs emulators of AWS as processes of this machine, for tests and for the demo. None of them was made
// here: what they refuse is somebody else's reading of AWS. scripts/fetch-emulators.sh obtains them.
package emulator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Kind is one of the emulators.
type Kind int

// The emulators.
const (
	// MiniStack serves SQS, SSM, Secrets Manager and DynamoDB, fast: for volume.
	MiniStack Kind = iota + 1
	// DynamoDBLocal is Amazon's own: the reference of what DynamoDB refuses and where it ends a page. It listens on every
	// address of the machine, since it has no option for less.
	DynamoDBLocal
	// VersityGW serves S3 from a folder.
	VersityGW
	// Moto serves EC2, more generously than EC2 itself: only to compare our own simulator of it with.
	Moto
	// MetadataMock is AWS's mock of an instance's metadata service, with a notice of interruption and one of rebalance from its
	// start on. It answers with tokens only (IMDSv2).
	MetadataMock
)

// The credentials that the emulators know; MiniStack checks the signatures of presigned addresses with the secret.
const (
	AccessKey = "test"
	SecretKey = "test"
	Region    = "us-east-1"
)

// Folder is where the script puts the emulators, below the folder of go.mod.
const Folder = ".cache/emulators"

// ErrMissing is wrapped when an emulator is not on this machine.
var ErrMissing = errors.New("not fetched yet: run `make emulators` once")

// String is the emulator's name.
func (k Kind) String() string {
	switch k {
	case MiniStack:
		return "MiniStack"
	case DynamoDBLocal:
		return "DynamoDB Local"
	case VersityGW:
		return "versitygw"
	case Moto:
		return "moto"
	case MetadataMock:
		return "ec2-metadata-mock"
	default:
		return fmt.Sprintf("emulator %d", int(k))
	}
}

// launch is how an emulator is started: arguments, additional environment, and the path that answers when it is ready.
type launch struct {
	program string // the file without which it is not installed
	args    []string
	env     []string
	ready   string
}

// launchOf describes the process of an emulator that listens on a port and keeps what it keeps in a folder.
func (k Kind) launchOf(installed string, port int, data string) (launch, error) {
	switch k {
	case MiniStack:
		return launch{
			program: filepath.Join(installed, "ministack", "bin", "python"),
			args:    []string{filepath.Join(installed, "ministack", "bin", "python"), "-m", "ministack"},
			env: []string{
				"BIND_HOST=127.0.0.1", "GATEWAY_PORT=" + strconv.Itoa(port), "LOG_LEVEL=WARNING", "PYTHONUNBUFFERED=1",
				"STATE_DIR=" + data, "S3_DATA_DIR=" + data, "TMPDIR=" + data, "DOCKER_HOST=unix://" + filepath.Join(data, "none"),
			},
			ready: "/_ministack/health",
		}, nil
	case Moto:
		python := filepath.Join(installed, "moto", "bin", "python")
		return launch{
			program: python,
			args:    []string{python, "-m", "moto.server", "-H", "127.0.0.1", "-p", strconv.Itoa(port)},
			env:     []string{"PYTHONUNBUFFERED=1", "TMPDIR=" + data},
			ready:   "/moto-api/data.json",
		}, nil
	case DynamoDBLocal:
		lib := filepath.Join(installed, "dynamodb", "lib")
		return launch{
			program: lib,
			args: []string{
				"java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dsqlite4java.library.path=" + lib,
				"-cp", filepath.Join(lib, "*"), "software.amazon.dynamodb.services.local.main.ServerRunner",
				"-inMemory", "-sharedDb", "-disableTelemetry", "-port", strconv.Itoa(port),
			},
			ready: "/",
		}, nil
	case VersityGW:
		return launch{
			program: filepath.Join(installed, "versitygw", "versitygw"),
			args: []string{
				filepath.Join(installed, "versitygw", "versitygw"), "--port", "127.0.0.1:" + strconv.Itoa(port), "--keep-alive", "--quiet",
				"--access", AccessKey, "--secret", SecretKey, "--region", Region, "posix", data,
			},
			ready: "/",
		}, nil
	case MetadataMock:
		program := filepath.Join(installed, "metadata", "ec2-metadata-mock")
		return launch{
			program: program,
			args:    []string{program, "--hostname", "127.0.0.1", "--port", strconv.Itoa(port), "--imdsv2"},
			env:     []string{"HOME=" + data}, // where it looks for a configuration
			ready:   "/",
		}, nil
	default:
		return launch{}, fmt.Errorf("no such emulator: %s", k)
	}
}

// installed returns the folder of the emulators, found from the working directory upwards.
func installed() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the emulators: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, Folder), nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("finding the emulators: no go.mod above the working directory")
		}
		folder = parent
	}
}
