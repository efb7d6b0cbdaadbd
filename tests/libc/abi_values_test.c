/*
 * The C library's numbers are Linux's: every constant, type and struct layout that crosses the system call
 * boundary. Built twice, against glibc with linux-libc-dev and against our headers; tests/libc/run compares
 * what the two print, line by line.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
/* Last: it must be content with what the others declared. */
#include <liburing.h>

#ifndef S_BLKSIZE
#define S_BLKSIZE 512
#endif
#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN 0x2000U
#endif

#define V(name) printf("%s %lld\n", #name, (long long)(name))
#define TYPE(t) printf("%s: size %zu, %s\n", #t, sizeof(t), (t)-1 < (t)1 ? "signed" : "unsigned")
#define SIZE(t) printf("%s: size %zu\n", #t, sizeof(t))
#define FIELD(s, f)                                                                                \
	printf("struct %s.%s: offset %zu, size %zu\n", #s, #f, offsetof(struct s, f),              \
		sizeof(((struct s *)0)->f))

/* Lists. */
/* clang-format off */
static void errors(void)
{
	V(EPERM); V(ENOENT); V(ESRCH); V(EINTR); V(EIO); V(ENXIO); V(E2BIG); V(ENOEXEC); V(EBADF);
	V(ECHILD); V(EAGAIN); V(ENOMEM); V(EACCES); V(EFAULT); V(ENOTBLK); V(EBUSY); V(EEXIST);
	V(EXDEV); V(ENODEV); V(ENOTDIR); V(EISDIR); V(EINVAL); V(ENFILE); V(EMFILE); V(ENOTTY);
	V(ETXTBSY); V(EFBIG); V(ENOSPC); V(ESPIPE); V(EROFS); V(EMLINK); V(EPIPE); V(EDOM);
	V(ERANGE); V(EDEADLK); V(ENAMETOOLONG); V(ENOLCK); V(ENOSYS); V(ENOTEMPTY); V(ELOOP);
	V(EWOULDBLOCK); V(ENOMSG); V(EIDRM); V(ECHRNG); V(EL2NSYNC); V(EL3HLT); V(EL3RST);
	V(ELNRNG); V(EUNATCH); V(ENOCSI); V(EL2HLT); V(EBADE); V(EBADR); V(EXFULL); V(ENOANO);
	V(EBADRQC); V(EBADSLT); V(EDEADLOCK); V(EBFONT); V(ENOSTR); V(ENODATA); V(ETIME); V(ENOSR);
	V(ENONET); V(ENOPKG); V(EREMOTE); V(ENOLINK); V(EADV); V(ESRMNT); V(ECOMM); V(EPROTO);
	V(EMULTIHOP); V(EDOTDOT); V(EBADMSG); V(EOVERFLOW); V(ENOTUNIQ); V(EBADFD); V(EREMCHG);
	V(ELIBACC); V(ELIBBAD); V(ELIBSCN); V(ELIBMAX); V(ELIBEXEC); V(EILSEQ); V(ERESTART);
	V(ESTRPIPE); V(EUSERS); V(ENOTSOCK); V(EDESTADDRREQ); V(EMSGSIZE); V(EPROTOTYPE);
	V(ENOPROTOOPT); V(EPROTONOSUPPORT); V(ESOCKTNOSUPPORT); V(EOPNOTSUPP); V(EPFNOSUPPORT);
	V(EAFNOSUPPORT); V(EADDRINUSE); V(EADDRNOTAVAIL); V(ENETDOWN); V(ENETUNREACH);
	V(ENETRESET); V(ECONNABORTED); V(ECONNRESET); V(ENOBUFS); V(EISCONN); V(ENOTCONN);
	V(ESHUTDOWN); V(ETOOMANYREFS); V(ETIMEDOUT); V(ECONNREFUSED); V(EHOSTDOWN);
	V(EHOSTUNREACH); V(EALREADY); V(EINPROGRESS); V(ESTALE); V(EUCLEAN); V(ENOTNAM);
	V(ENAVAIL); V(EISNAM); V(EREMOTEIO); V(EDQUOT); V(ENOMEDIUM); V(EMEDIUMTYPE); V(ECANCELED);
	V(ENOKEY); V(EKEYEXPIRED); V(EKEYREVOKED); V(EKEYREJECTED); V(EOWNERDEAD);
	V(ENOTRECOVERABLE); V(ERFKILL); V(EHWPOISON); V(ENOTSUP);
}

static void signals(void)
{
	V(SIGHUP); V(SIGINT); V(SIGQUIT); V(SIGILL); V(SIGTRAP); V(SIGABRT); V(SIGIOT); V(SIGBUS);
	V(SIGFPE); V(SIGKILL); V(SIGUSR1); V(SIGSEGV); V(SIGUSR2); V(SIGPIPE); V(SIGALRM);
	V(SIGTERM); V(SIGSTKFLT); V(SIGCHLD); V(SIGCONT); V(SIGSTOP); V(SIGTSTP); V(SIGTTIN);
	V(SIGTTOU); V(SIGURG); V(SIGXCPU); V(SIGXFSZ); V(SIGVTALRM); V(SIGPROF); V(SIGWINCH);
	V(SIGIO); V(SIGPOLL); V(SIGPWR); V(SIGSYS); V(SIG_BLOCK); V(SIG_UNBLOCK); V(SIG_SETMASK);
	V(SA_NOCLDSTOP); V(SA_NOCLDWAIT); V(SA_SIGINFO); V(SA_ONSTACK); V(SA_RESTART);
	V(SA_NODEFER); V(SA_RESETHAND); V(SIGEV_SIGNAL); V(SIGEV_NONE); V(SIGEV_THREAD);
	V(SI_USER); V(SI_QUEUE); V(SI_TIMER); V(SI_TKILL); V(_NSIG);
}

static void open_flags(void)
{
	V(O_ACCMODE); V(O_RDONLY); V(O_WRONLY); V(O_RDWR); V(O_CREAT); V(O_EXCL); V(O_NOCTTY);
	V(O_TRUNC); V(O_APPEND); V(O_NONBLOCK); V(O_NDELAY); V(O_DSYNC); V(O_ASYNC); V(O_DIRECT);
	V(O_LARGEFILE); V(O_DIRECTORY); V(O_NOFOLLOW); V(O_NOATIME); V(O_CLOEXEC); V(O_SYNC);
	V(O_RSYNC); V(O_PATH); V(O_TMPFILE); V(AT_FDCWD); V(AT_SYMLINK_NOFOLLOW); V(AT_EACCESS);
	V(AT_REMOVEDIR); V(AT_SYMLINK_FOLLOW); V(AT_NO_AUTOMOUNT); V(AT_EMPTY_PATH);
	V(AT_STATX_SYNC_TYPE); V(AT_STATX_SYNC_AS_STAT); V(AT_STATX_FORCE_SYNC);
	V(AT_STATX_DONT_SYNC); V(F_DUPFD); V(F_GETFD); V(F_SETFD); V(F_GETFL); V(F_SETFL);
	V(F_GETLK); V(F_SETLK); V(F_SETLKW); V(F_SETOWN); V(F_GETOWN); V(F_OFD_GETLK);
	V(F_OFD_SETLK); V(F_OFD_SETLKW); V(F_SETPIPE_SZ); V(F_GETPIPE_SZ); V(F_DUPFD_CLOEXEC);
	V(FD_CLOEXEC); V(F_RDLCK); V(F_WRLCK); V(F_UNLCK); V(LOCK_SH); V(LOCK_EX); V(LOCK_NB);
	V(LOCK_UN); V(POSIX_FADV_NORMAL); V(POSIX_FADV_RANDOM); V(POSIX_FADV_SEQUENTIAL);
	V(POSIX_FADV_WILLNEED); V(POSIX_FADV_DONTNEED); V(POSIX_FADV_NOREUSE); V(RESOLVE_NO_XDEV);
	V(RESOLVE_NO_MAGICLINKS); V(RESOLVE_NO_SYMLINKS); V(RESOLVE_BENEATH); V(RESOLVE_IN_ROOT);
	V(RESOLVE_CACHED);
}

static void stat_values(void)
{
	V(S_IFMT); V(S_IFSOCK); V(S_IFLNK); V(S_IFREG); V(S_IFBLK); V(S_IFDIR); V(S_IFCHR);
	V(S_IFIFO); V(S_ISUID); V(S_ISGID); V(S_ISVTX); V(S_IRWXU); V(S_IRUSR); V(S_IWUSR);
	V(S_IXUSR); V(S_IRWXG); V(S_IRGRP); V(S_IWGRP); V(S_IXGRP); V(S_IRWXO); V(S_IROTH);
	V(S_IWOTH); V(S_IXOTH); V(S_BLKSIZE); V(UTIME_NOW); V(UTIME_OMIT); V(STATX_TYPE);
	V(STATX_MODE); V(STATX_NLINK); V(STATX_UID); V(STATX_GID); V(STATX_ATIME); V(STATX_MTIME);
	V(STATX_CTIME); V(STATX_INO); V(STATX_SIZE); V(STATX_BLOCKS); V(STATX_BASIC_STATS);
	V(STATX_BTIME); V(STATX_ALL); V(STATX_MNT_ID); V(STATX_DIOALIGN); V(STATX__RESERVED);
	V(STATX_ATTR_COMPRESSED); V(STATX_ATTR_IMMUTABLE); V(STATX_ATTR_APPEND);
	V(STATX_ATTR_NODUMP); V(STATX_ATTR_ENCRYPTED); V(STATX_ATTR_AUTOMOUNT);
	V(STATX_ATTR_MOUNT_ROOT); V(STATX_ATTR_VERITY); V(STATX_ATTR_DAX); V(DT_UNKNOWN);
	V(DT_FIFO); V(DT_CHR); V(DT_DIR); V(DT_BLK); V(DT_REG); V(DT_LNK); V(DT_SOCK); V(DT_WHT);
	V(IFTODT(S_IFDIR)); V(DTTOIF(DT_REG)); V(SEEK_SET); V(SEEK_CUR); V(SEEK_END); V(SEEK_DATA);
	V(SEEK_HOLE); V(F_OK); V(R_OK); V(W_OK); V(X_OK); V(RENAME_NOREPLACE); V(RENAME_EXCHANGE);
	V(RENAME_WHITEOUT); V(makedev(259, 70000)); V(major(0x12345678abcdef));
	V(minor(0x12345678abcdef));
}

static void other_values(void)
{
	V(CLOCK_REALTIME); V(CLOCK_MONOTONIC); V(CLOCK_PROCESS_CPUTIME_ID);
	V(CLOCK_THREAD_CPUTIME_ID); V(CLOCK_MONOTONIC_RAW); V(CLOCK_REALTIME_COARSE);
	V(CLOCK_MONOTONIC_COARSE); V(CLOCK_BOOTTIME); V(CLOCK_REALTIME_ALARM);
	V(CLOCK_BOOTTIME_ALARM); V(TIMER_ABSTIME); V(CLOCKS_PER_SEC); V(ITIMER_REAL);
	V(ITIMER_VIRTUAL); V(ITIMER_PROF); V(PROT_NONE); V(PROT_READ); V(PROT_WRITE); V(PROT_EXEC);
	V(MAP_SHARED); V(MAP_PRIVATE); V(MAP_FIXED); V(MAP_ANONYMOUS); V(MAP_NORESERVE);
	V(MAP_POPULATE); V(MAP_STACK); V(MREMAP_MAYMOVE); V(MREMAP_FIXED); V(MADV_DONTNEED);
	V(MADV_WILLNEED); V(MS_ASYNC); V(MS_INVALIDATE); V(MS_SYNC); V(MS_RDONLY); V(MS_BIND);
	V(MS_REC); V(MS_REMOUNT); V(MS_NOEXEC); V(MNT_FORCE); V(MNT_DETACH); V(MNT_EXPIRE);
	V(UMOUNT_NOFOLLOW); V(RLIMIT_CPU); V(RLIMIT_FSIZE); V(RLIMIT_DATA); V(RLIMIT_STACK);
	V(RLIMIT_CORE); V(RLIMIT_RSS); V(RLIMIT_NPROC); V(RLIMIT_NOFILE); V(RLIMIT_MEMLOCK);
	V(RLIMIT_AS); V(RLIM_NLIMITS); V(RLIM_INFINITY); V(RUSAGE_SELF); V(RUSAGE_CHILDREN);
	V(RUSAGE_THREAD); V(WNOHANG); V(WUNTRACED); V(WCONTINUED); V(WEXITSTATUS(0x300));
	V(WIFEXITED(0x300)); V(WIFSIGNALED(6)); V(WTERMSIG(0x86)); V(WCOREDUMP(0x86));
	V(WIFSTOPPED(0x137f)); V(WSTOPSIG(0x137f)); V(WIFCONTINUED(0xffff)); V(SCHED_OTHER);
	V(SCHED_FIFO); V(SCHED_RR); V(SCHED_BATCH); V(SCHED_IDLE); V(CLONE_VM); V(CLONE_FS);
	V(CLONE_FILES); V(CLONE_SIGHAND); V(CLONE_THREAD); V(CLONE_SYSVSEM); V(CLONE_SETTLS);
	V(CLONE_PARENT_SETTID); V(CLONE_CHILD_CLEARTID); V(CPU_SETSIZE); V(TCGETS); V(TCSETS);
	V(TCSETSW); V(TCSETSF); V(TIOCGWINSZ); V(FIONREAD); V(TCSANOW); V(TCSADRAIN); V(TCSAFLUSH);
	V(ICANON); V(ECHO); V(ISIG); V(IEXTEN); V(VMIN); V(VTIME); V(OPOST); V(ICRNL); V(CS8);
	V(POLLIN); V(POLLOUT); V(POLLERR); V(POLLHUP); V(POLLNVAL); V(GRND_NONBLOCK);
	V(GRND_RANDOM); V(RB_POWER_OFF); V(RB_AUTOBOOT); V(RB_HALT_SYSTEM); V(FD_SETSIZE);
	V(PATH_MAX); V(NAME_MAX); V(PIPE_BUF); V(IOV_MAX); V(SYS_openat2); V(SYS_statx);
	V(SYS_io_uring_setup); V(SYS_futex);
}

static void types(void)
{
	TYPE(dev_t); TYPE(ino_t); TYPE(nlink_t); TYPE(mode_t); TYPE(uid_t); TYPE(gid_t);
	TYPE(off_t); TYPE(blksize_t); TYPE(blkcnt_t); TYPE(pid_t); TYPE(id_t); TYPE(ssize_t);
	TYPE(size_t); TYPE(time_t); TYPE(clock_t); TYPE(clockid_t); TYPE(suseconds_t);
	TYPE(useconds_t); TYPE(key_t); TYPE(fsblkcnt_t); TYPE(fsfilcnt_t); TYPE(socklen_t);
	TYPE(sa_family_t); TYPE(rlim_t); TYPE(nfds_t); TYPE(wchar_t); SIZE(siginfo_t);
	SIZE(cpu_set_t); SIZE(fd_set);
}

static void structs(void)
{
	SIZE(struct stat); FIELD(stat, st_dev); FIELD(stat, st_ino); FIELD(stat, st_nlink);
	FIELD(stat, st_mode); FIELD(stat, st_uid); FIELD(stat, st_gid); FIELD(stat, st_rdev);
	FIELD(stat, st_size); FIELD(stat, st_blksize); FIELD(stat, st_blocks);
	FIELD(stat, st_atim); FIELD(stat, st_mtim); FIELD(stat, st_ctim); FIELD(stat, st_atime);
	SIZE(struct statx); FIELD(statx, stx_mask); FIELD(statx, stx_blksize);
	FIELD(statx, stx_attributes); FIELD(statx, stx_nlink); FIELD(statx, stx_uid);
	FIELD(statx, stx_gid); FIELD(statx, stx_mode); FIELD(statx, stx_ino);
	FIELD(statx, stx_size); FIELD(statx, stx_blocks); FIELD(statx, stx_attributes_mask);
	FIELD(statx, stx_atime); FIELD(statx, stx_btime); FIELD(statx, stx_ctime);
	FIELD(statx, stx_mtime); FIELD(statx, stx_rdev_major); FIELD(statx, stx_rdev_minor);
	FIELD(statx, stx_dev_major); FIELD(statx, stx_dev_minor); FIELD(statx, stx_mnt_id);
	SIZE(struct statx_timestamp); FIELD(statx_timestamp, tv_sec);
	FIELD(statx_timestamp, tv_nsec);
	SIZE(struct dirent); FIELD(dirent, d_ino); FIELD(dirent, d_off); FIELD(dirent, d_reclen);
	FIELD(dirent, d_type); FIELD(dirent, d_name);
	SIZE(struct timespec); FIELD(timespec, tv_sec); FIELD(timespec, tv_nsec);
	SIZE(struct timeval); FIELD(timeval, tv_sec); FIELD(timeval, tv_usec);
	SIZE(struct itimerspec); FIELD(itimerspec, it_interval); FIELD(itimerspec, it_value);
	SIZE(struct timezone); FIELD(timezone, tz_minuteswest); FIELD(timezone, tz_dsttime);
	SIZE(struct tms); FIELD(tms, tms_utime); FIELD(tms, tms_stime); FIELD(tms, tms_cutime);
	FIELD(tms, tms_cstime);
	SIZE(struct flock); FIELD(flock, l_type); FIELD(flock, l_whence); FIELD(flock, l_start);
	FIELD(flock, l_len); FIELD(flock, l_pid);
	SIZE(struct iovec); FIELD(iovec, iov_base); FIELD(iovec, iov_len);
	SIZE(struct msghdr); FIELD(msghdr, msg_name); FIELD(msghdr, msg_namelen);
	FIELD(msghdr, msg_iov); FIELD(msghdr, msg_iovlen); FIELD(msghdr, msg_control);
	FIELD(msghdr, msg_controllen); FIELD(msghdr, msg_flags);
	SIZE(struct cmsghdr); FIELD(cmsghdr, cmsg_len); FIELD(cmsghdr, cmsg_level);
	FIELD(cmsghdr, cmsg_type);
	SIZE(struct sockaddr); FIELD(sockaddr, sa_family); FIELD(sockaddr, sa_data);
	SIZE(struct epoll_event); FIELD(epoll_event, events); FIELD(epoll_event, data);
	SIZE(struct pollfd); FIELD(pollfd, fd); FIELD(pollfd, events); FIELD(pollfd, revents);
	SIZE(struct statfs); FIELD(statfs, f_type); FIELD(statfs, f_bsize);
	FIELD(statfs, f_blocks); FIELD(statfs, f_bfree); FIELD(statfs, f_bavail);
	FIELD(statfs, f_files); FIELD(statfs, f_ffree); FIELD(statfs, f_fsid);
	FIELD(statfs, f_namelen); FIELD(statfs, f_frsize); FIELD(statfs, f_flags);
	SIZE(struct utsname); FIELD(utsname, sysname); FIELD(utsname, nodename);
	FIELD(utsname, release); FIELD(utsname, version); FIELD(utsname, machine);
	SIZE(struct sysinfo); FIELD(sysinfo, uptime); FIELD(sysinfo, loads);
	FIELD(sysinfo, totalram); FIELD(sysinfo, freeram); FIELD(sysinfo, procs);
	FIELD(sysinfo, mem_unit);
	SIZE(struct rlimit); FIELD(rlimit, rlim_cur); FIELD(rlimit, rlim_max);
	SIZE(struct rusage); FIELD(rusage, ru_utime); FIELD(rusage, ru_stime);
	FIELD(rusage, ru_maxrss); FIELD(rusage, ru_minflt); FIELD(rusage, ru_inblock);
	FIELD(rusage, ru_nvcsw); FIELD(rusage, ru_nivcsw);
	SIZE(struct winsize); FIELD(winsize, ws_row); FIELD(winsize, ws_col);
	SIZE(struct open_how); FIELD(open_how, flags); FIELD(open_how, mode);
	FIELD(open_how, resolve);
	SIZE(struct sched_param); FIELD(sched_param, sched_priority);
	SIZE(struct sigevent); FIELD(sigevent, sigev_value); FIELD(sigevent, sigev_signo);
	FIELD(sigevent, sigev_notify);
	SIZE(struct io_uring_sqe); FIELD(io_uring_sqe, opcode); FIELD(io_uring_sqe, flags);
	FIELD(io_uring_sqe, fd); FIELD(io_uring_sqe, off); FIELD(io_uring_sqe, addr);
	FIELD(io_uring_sqe, len); FIELD(io_uring_sqe, user_data); FIELD(io_uring_sqe, buf_index);
	FIELD(io_uring_sqe, personality); FIELD(io_uring_sqe, file_index);
	SIZE(struct io_uring_cqe); FIELD(io_uring_cqe, user_data); FIELD(io_uring_cqe, res);
	FIELD(io_uring_cqe, flags);
	SIZE(struct io_uring_params); FIELD(io_uring_params, sq_entries);
	FIELD(io_uring_params, features); FIELD(io_uring_params, sq_off);
	FIELD(io_uring_params, cq_off);
	SIZE(struct __kernel_timespec); FIELD(__kernel_timespec, tv_sec);
	FIELD(__kernel_timespec, tv_nsec);
}

/* clang-format on */

int main(void)
{
	errors();
	signals();
	open_flags();
	stat_values();
	other_values();
	types();
	structs();
	return 0;
}
