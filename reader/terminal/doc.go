// Package terminal takes the word of biometric terminals that speak over the network: "it is subject S". The terminal keeps its templates and compares
// them itself; what comes here is a name and nothing of a body (docs/terminals.md).
//
// Each message is signed with a secret that the terminal and the controller share, and is worth a few seconds: it carries its time and a name of its own,
// and is taken once. It comes as a POST over HTTPS (HTTPS), or through an MQTT broker of the terminals' own network (MQTT).
package terminal
