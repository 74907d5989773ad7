// Package imds is the metadata service of a simulated instance (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/, pages
// "instancedata-data-retrieval" and "configuring-instance-metadata-service"): tokens, hop limit, user data, tags, the notices
// of spot instances, and the signed identity document. It shows what an agent and a bootstrap script read, and answers 404 to
// everything else. Credentials of an instance profile are not simulated.
package imds
