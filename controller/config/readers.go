package config

// otherReaders names the readers that are not on an OSDP line, in the order of the file.
func (c Config) otherReaders() []string {
	return nil
}
