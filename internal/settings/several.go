package settings

// severalSettings are those of a fleet whose servers and machines are not all on one computer.
func severalSettings() []Setting {
	return []Setting{
		text(Setting{
			Key: "replica_url", Section: sectionSeveral, DefaultText: "http:// and the listening address",
			Help: "The address under which the other servers of the fleet reach this one, to tell it that an agent has an order. Without a way, agents get their orders up to five seconds later.",
		}, func(s *Settings) *string { return &s.ReplicaURL }),
		text(Setting{
			Key: "host_url", Section: sectionSeveral, DefaultText: "none: runners are started on this machine",
			Help: "The address of a runs-fleet host, such as https://HOST:8090, on which runners are started instead. Servers that share a store need it.",
		}, func(s *Settings) *string { return &s.HostURL }),
		text(Setting{
			Key: "host_token_file", Section: sectionSeveral,
			Help: "The file with the token that the servers and their host share: at least 32 characters, readable by nobody else.",
		}, func(s *Settings) *string { return &s.HostTokenFile }),
		text(Setting{
			Key: "host_listen", Section: sectionSeveral, Default: "127.0.0.1:8090",
			Help: "Where runs-fleet host listens for the servers.",
		}, func(s *Settings) *string { return &s.HostListen }),
		text(Setting{
			Key: "control_plane", Section: sectionSeveral,
			Help: "For runs-fleet host: the address of the servers, or of the balancer before them, at which the agents of its machines say hello.",
		}, func(s *Settings) *string { return &s.ControlPlane }),
	}
}
