package config

// otherReaders names the readers that are not on an OSDP line, in the order of the file.
func (c Config) otherReaders() []string {
	var names []string
	for _, r := range c.PCSCReaders {
		names = append(names, r.Name)
	}
	return names
}
