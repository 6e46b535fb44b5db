// Package config reads oslo.config files and the environment into one typed
// Config that knows where each value came from, so that Usher runs on its own
// usher.conf and on an unmodified ironic.conf alike.
//
// It follows oslo_config/iniparser.py (lines), cfg.py (sections, precedence,
// references) and types.py (values), and is checked against goldens that
// oslo.config itself wrote (testdata/oslo). Deliberate departures: an unknown
// option in [usher] is an error, every error of a load is reported and not
// just the first, a reference to an option that only Ironic registers reads
// what the files say, one by a deprecated name is an error (oslo.config gives
// the default), file modes may be written in octal, integers have 64 bits and
// ASCII digits, and a number that oslo.config would read as None is an error
// where the option has a default.
//
// It is not a command line parser, looks for no files of its own accord, and
// opens nothing that an option names.
package config

import (
	"io/fs"
	"time"
)

//go:generate go test -run ^TestMarkdown$ -update .

// Config is every option that Usher reads, by group. A field is named for its
// option ([pxe]tftp_root is PXE.TFTPRoot); the table in options.go says what
// each means, and docs/configuration.md renders it. A Config does not change
// after Load.
type Config struct {
	Default   Default
	API       API
	Conductor Conductor
	Database  Database
	Deploy    Deploy
	PXE       PXE
	JSONRPC   JSONRPC
	SSL       SSL
	Neutron   Neutron
	Inspector Inspector
	Usher     Usher

	settings []setting
	warnings []string
}

// Default is the group [DEFAULT].
type Default struct {
	Host                    string
	MyIP                    string
	StatePath               string
	Debug                   bool
	UseJSON                 bool
	AuthStrategy            string
	HTTPBasicAuthUserFile   string
	EnabledHardwareTypes    []string
	EnabledBootInterfaces   []string
	EnabledDeployInterfaces []string
	DefaultBootInterface    string
	DefaultDeployInterface  string
	HashPartitionExponent   int
	HashRingResetInterval   time.Duration
	HashRingAlgorithm       string
}

// API is the group [api], the management door.
type API struct {
	HostIP             string
	Port               int
	RestrictBootConfig bool
	RestrictLookup     bool
	MaxLimit           int
	PublicEndpoint     string
	EnableSSLAPI       bool

	CertFile, KeyFile       string // empty: those of [ssl]
	ServerTLSMinimumVersion string // "1.2" or "1.3"
	ServerTLSCiphers        string // OpenSSL's names; empty: Go's choice
}

// Conductor is the group [conductor].
type Conductor struct {
	HeartbeatInterval           time.Duration
	HeartbeatTimeout            time.Duration
	AutomatedClean              bool
	ConductorGroup              string
	FileURLAllowedPaths         []string
	CheckProvisionStateInterval time.Duration
	DeployCallbackTimeout       time.Duration
	CleanCallbackTimeout        time.Duration
	RescueCallbackTimeout       time.Duration
	InspectWaitTimeout          time.Duration
	ServiceCallbackTimeout      time.Duration
	DeployKernel                string
	DeployRamdisk               string
	RescueKernel                string
	RescueRamdisk               string
}

// Database is the group [database].
type Database struct {
	Connection  string // SQLAlchemy's form of URL, with its password
	MaxPoolSize int
	MaxOverflow int
}

// Deploy is the group [deploy].
type Deploy struct {
	HTTPURL  string // empty: the program computes it
	HTTPRoot string // empty: the program chooses by whose inventory it is
}

// PXE is the group [pxe].
type PXE struct {
	KernelAppendParams   string
	IPXETimeout          time.Duration
	IPXEUseBootConfigAPI bool
	IPXEConfigAPIRootURL string
	IPXEBootScript       string
	IPXEFallbackScript   string
	PXEConfigSubdir      string
	TFTPRoot             string // empty: as Deploy.HTTPRoot
	TFTPServer           string
	FilePermission       fs.FileMode
	DirPermission        fs.FileMode // 0: left to the umask
	LoaderFilePaths      map[string]string
	ImageCacheSize       int // MiB
}

// JSONRPC is the group [json_rpc].
type JSONRPC struct {
	HostIP                string
	Port                  int
	AuthStrategy          string // never empty: [DEFAULT]auth_strategy fills it
	HTTPBasicAuthUserFile string
	Username              string
	Password              string
	UseSSL                bool
	ClientUseSSL          bool
	Cafile                string
	Certfile              string
	Keyfile               string
	Insecure              bool
	CertFile              string
	KeyFile               string
	Timeout               time.Duration

	ServerTLSMinimumVersion string // as API's
	ServerTLSCiphers        string
}

// SSL is the group [ssl].
type SSL struct {
	CertFile string
	KeyFile  string
	CAFile   string
}

// Neutron is the group [neutron].
type Neutron struct {
	AddAllPorts bool
}

// Inspector is the group [inspector].
type Inspector struct {
	RequireManagedBoot *bool // nil: not set, whose meaning depends on Ironic's release
}

// Usher is the group [usher], which Ironic ignores.
type Usher struct {
	BootListen         string
	BootTLSListen      string
	AdminListen        string
	JournalSize        int
	RPCListen          string
	RPCTimeout         time.Duration
	RPCAddresses       map[string]string // conductor's host name to address
	FilesListen        string            // empty: none
	FilesURL           string
	InsecureManagement bool
	InsecureRPC        bool
	AllowedHosts       []string
	Profiling          bool
	TemplateDir        string
	MaxConnections     int
	MaxRequests        int
	ShutdownTimeout    time.Duration
	RetryAfter         time.Duration

	BootConnectionsPerSource int      // 0: no limit, as in the next one
	BootRateLimit            int      // requests a second
	BootRateBurst            int      // requests
	BootAllowedNetworks      []string // prefixes; empty: all
}
