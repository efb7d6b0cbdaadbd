/*
 * The first process of the Linux guest that tools/bench compares with: load the modules of the disk,
 * mount the disk read-only, and run the commands that arrive on the console, one a line:
 *
 *	openbench ARGUMENT...	run it, then print `@done STATUS`
 *	poweroff
 *
 * Everything runs inside the disk (chroot), so that a path has as many components as on Unlazy; /proc,
 * /dev and /tmp are mounted over the empty folders it has for them. `@ready` is printed first.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MAX_ARGS 64

static void must(int result, const char *what)
{
	if (result >= 0)
		return;
	printf("linux-init: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	reboot(RB_POWER_OFF);
}

/* /modules/NN-name.ko, in the order of their numbers. */
static void load_modules(void)
{
	struct dirent **list;
	int n = scandir("/modules", &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[300];
		int fd;

		if (list[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/modules/%s", list[i]->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		must(fd, path);
		if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
			must(-1, path);
		close(fd);
	}
}

/* The disk's device appears once its driver has probed it, which the module's loading may not await. */
static void wait_for_disk(void)
{
	struct stat st;

	for (int i = 0; stat("/dev/vda", &st) < 0 && i < 1000; i++)
		usleep(10000);
}

static void enter_disk(int program)
{
	must(mount("/dev/vda", "/disk", "ext4", MS_RDONLY, "noload"), "mounting /dev/vda");
	must(mount("proc", "/disk/proc", "proc", 0, NULL), "mounting /proc");
	must(mount("tmpfs", "/disk/tmp", "tmpfs", 0, NULL), "mounting /tmp");
	must(chroot("/disk"), "chroot");
	must(chdir("/"), "chdir");
	must(dup2(program, 100), "dup2");
}

/* Lines as they come, without echo: tools/bench reads what we print. */
static void plain_console(void)
{
	struct termios t;

	if (tcgetattr(0, &t) == 0) {
		t.c_lflag &= ~(tcflag_t)ECHO;
		t.c_oflag &= ~(tcflag_t)OPOST;
		tcsetattr(0, TCSANOW, &t);
	}
}

static int run(char *line)
{
	char *argv[MAX_ARGS + 1], *env[] = {NULL};
	int argc = 0, status = 0;
	pid_t pid;

	for (char *s = strtok(line, " \r\n"); s && argc < MAX_ARGS; s = strtok(NULL, " \r\n"))
		argv[argc++] = s;
	argv[argc] = NULL;
	if (argc == 0)
		return 0;
	if (strcmp(argv[0], "poweroff") == 0)
		reboot(RB_POWER_OFF);
	pid = fork();
	if (pid == 0) {
		fexecve(100, argv, env);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	static char line[4096];
	int program;

	must(mount("devtmpfs", "/dev", "devtmpfs", 0, NULL), "mounting /dev");
	plain_console();
	load_modules();
	wait_for_disk();
	program = open("/openbench", O_RDONLY);
	must(program, "/openbench");
	enter_disk(program);
	printf("@ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int status = run(line);

		printf("@done %d\n", status);
		fflush(stdout);
	}
	reboot(RB_POWER_OFF);
	return 0;
}
