/* SPDX-License-Identifier: MIT */
#include "learnd/jail.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool failed(struct fault *f, const char *what, int error)
{
	f->line = 0;
	snprintf(f->text, sizeof f->text, "%s: %s", what, strerror(error));
	return false;
}

static bool drop_capabilities(const char *user, struct fault *f)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;
	bool raw = capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW);
	if (user && !pw)
		return failed(f, user, ENOENT);
	capng_clear(CAPNG_SELECT_BOTH);
	if (raw)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_RAW);
	if (pw && capng_change_id((int)pw->pw_uid, (int)pw->pw_gid,
				  CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) < 0)
		return failed(f, "changing the user", errno);
	if (!pw && capng_apply(CAPNG_SELECT_CAPS) < 0)
		return failed(f, "dropping capabilities", errno);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed(f, "no_new_privs", errno);
	return true;
}

/* What the loop, libpcap, the journal and the C library's memory need. */
static const int allowed[] = {
	SCMP_SYS(read),           SCMP_SYS(write),
	SCMP_SYS(pread64),        SCMP_SYS(writev),
	SCMP_SYS(lseek),          SCMP_SYS(ftruncate),
	SCMP_SYS(fsync),          SCMP_SYS(fdatasync),
	SCMP_SYS(open),           SCMP_SYS(openat),
	SCMP_SYS(close),          SCMP_SYS(fstat),
	SCMP_SYS(stat),           SCMP_SYS(newfstatat),
	SCMP_SYS(statx),          SCMP_SYS(access),
	SCMP_SYS(faccessat),      SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),       SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),     SCMP_SYS(renameat),
	SCMP_SYS(renameat2),      SCMP_SYS(rename),
	SCMP_SYS(unlinkat),       SCMP_SYS(unlink),
	SCMP_SYS(fcntl),          SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),    SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll),           SCMP_SYS(ppoll),
	SCMP_SYS(eventfd2),       SCMP_SYS(ioctl),
	SCMP_SYS(bind),           SCMP_SYS(setsockopt),
	SCMP_SYS(getsockopt),     SCMP_SYS(getsockname),
	SCMP_SYS(recvmsg),        SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg),        SCMP_SYS(sendto),
	SCMP_SYS(mmap),           SCMP_SYS(munmap),
	SCMP_SYS(mprotect),       SCMP_SYS(mremap),
	SCMP_SYS(madvise),        SCMP_SYS(brk),
	SCMP_SYS(futex),          SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),  SCMP_SYS(gettimeofday),
	SCMP_SYS(uname),          SCMP_SYS(getpid),
	SCMP_SYS(gettid),         SCMP_SYS(tgkill),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigreturn),   SCMP_SYS(restart_syscall),
	SCMP_SYS(nanosleep),      SCMP_SYS(clock_nanosleep),
	SCMP_SYS(exit),           SCMP_SYS(exit_group),
};

static int add_rules(scmp_filter_ctx ctx)
{
	static const int domains[] = {AF_PACKET, AF_NETLINK, AF_INET, AF_UNIX};
	int error = 0; /* (the C library asks for interfaces' numbers through AF_UNIX or AF_INET) */
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed && !error; i++)
		error = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < sizeof domains / sizeof *domains && !error; i++)
		error = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
					 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)domains[i], 0));
	return error;
}

/* A call that is not allowed fails; nothing that the process is meant to do makes one. */
static bool filter_calls(struct fault *f)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return failed(f, "seccomp", ENOMEM);
	int error = add_rules(ctx);
	if (!error)
		error = seccomp_load(ctx);
	seccomp_release(ctx);
	return !error || failed(f, "seccomp", -error);
}

bool jail_enter(const char *user, struct fault *fault)
{
	return drop_capabilities(user, fault) && filter_calls(fault);
}
