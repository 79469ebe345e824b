/** Where tools look for TypeORM's DataSource; it lives in src, because only src is built. */
export { ormDataSource } from './src/modules/database/orm-data-source.js';
