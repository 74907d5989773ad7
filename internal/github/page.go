package github

import (
	gh "github.com/google/go-github/v93/github"
)

const (
	perPage  = 100 // the most that GitHub gives at once
	mostPage = 100 // 10,000 entries: the most runners of a group, and an end to any loop
)

// pages asks for page after page until the one that names no next.
func (c *Client) pages(ask func(gh.ListOptions) (next int, err error)) error {
	options := gh.ListOptions{Page: 1, PerPage: perPage}
	for range mostPage {
		next, err := ask(options)
		if err != nil {
			return err
		}
		if next <= options.Page {
			return nil
		}
		options.Page = next
	}
	return nil
}

// nextPage notes which page follows an answer.
func nextPage(next *int, resp *gh.Response) *gh.Response {
	if resp != nil {
		*next = resp.NextPage
	}
	return resp
}
