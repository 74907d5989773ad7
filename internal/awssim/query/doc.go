// Package query reads requests of EC2's query protocol, in which parameters are named by their path (Filter.1.Value.2), and
// writes its answers, which are XML. It reads strictly: a parameter that nothing takes is an error, as it is at EC2.
//
// The names of parameters and elements are those of EC2's service model; the page "Query-Requests"
// (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html) describes the form.
package query
