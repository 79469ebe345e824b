import { Controller, Get, Redirect, type Type } from '@nestjs/common';

/** A controller whose `GET /` leads to `path`: what this process has for somebody who comes with a browser. */
export function homeAt(path: string): Type {
  @Controller()
  class HomeController {
    @Get()
    @Redirect(path, 302)
    home(): void {
      // The decorators say it all.
    }
  }
  return HomeController;
}
