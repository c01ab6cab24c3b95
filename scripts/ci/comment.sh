#!/bin/sh
# SPDX-License-Identifier: MIT
#
# comment.sh NUMBER FILE - FILE as the one comment of ours on a GitHub pull request: the one of an
# earlier run is replaced. Wants gh, and GH_TOKEN.
set -eu
number=$1 file=$2
mark='<!-- nwfc-diff -->'
body=$(mktemp)
trap 'rm -f "$body"' EXIT
{
	echo "$mark"
	echo '### What this change of network filters means'
	echo
	# GitHub takes 65536 characters.
	head -c 60000 "$file"
	if [ "$(wc -c <"$file")" -gt 60000 ]; then
		printf '\n\n(The rest is in the log of the run.)\n'
	fi
} >"$body"
id=$(gh api "repos/$GITHUB_REPOSITORY/issues/$number/comments" --paginate \
	--jq ".[] | select(.body | startswith(\"$mark\")) | .id" | tail -n 1)
if [ -n "$id" ]; then
	gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" --field body=@"$body" >/dev/null
else
	gh api --method POST "repos/$GITHUB_REPOSITORY/issues/$number/comments" --field body=@"$body" >/dev/null
fi
