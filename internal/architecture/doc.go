// Package architecture holds the rules that the compiler does not know: which way imports point, what a program may
// contain, that no package has state of its own, and that the documents keep their promises. Each rule is a function
// that returns its violations, each with the reason of the rule; the tests apply them to this module, and to samples
// that break them.
package architecture
