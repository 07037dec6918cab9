package live

// Kinds lists the kinds for the test that holds them against package event.
var Kinds = kinds

// Frame is the encoding of one event.
var Frame = frame
